/**
 * The first part of the Python program that plays environments of Gymnasium (gym_adapter.ts has the other):
 * an environment with observations and actions as lists of numbers.
 *
 * Observations: a Box is flattened row by row; every other space by Gymnasium's own FlattenObservation,
 * which makes a Discrete number one-hot, a MultiDiscrete one one-hot per entry, and joins the parts of a
 * Tuple in order and those of a Dict in the order of the space's keys, which Gymnasium sorts.
 * The layout says that of each part with its size, for whoever acts by a policy without this program.
 * Actions: a Discrete one counts from its start; a MultiDiscrete one is a score per choice, of which the
 * largest of each entry counts; a MultiBinary one is a number per entry, which is on above 0.
 *
 * A "refused" in the description is for the user, who can mend it: one sentence without its beginning.
 * "notes" are said once. What the environment prints goes to standard error, even from C.
 */
export const GYM_PLAYER: string = String.raw`
import ast, difflib, importlib.metadata, json, math, os, sys, urllib.parse

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.stdout = sys.stderr
MAX_STEPS = 1000
MOST_PACKAGES = 12
# Another one plays differently: a run does not go on with it.
ADAPTER_VERSION = "1"
TERMINATED, TRUNCATED, FAILED = 1, 2, 4

try:
    import gymnasium
    import numpy as np
except ImportError as error:
    gymnasium, missing = None, error


class Refusal(Exception):
    """What the user can mend."""


class Broken(Exception):
    """What an environment must not give."""


OLD = ": an environment of the old Gym needs a wrapper that makes it one of Gymnasium"


def kind_of(value):
    return f"{len(value)} values" if isinstance(value, tuple) else type(value).__name__


def top_modules():
    return {name.partition(".")[0] for name in sys.modules}


def versions_of(modules):
    """The installed packages that the environment is made of."""
    packages = importlib.metadata.packages_distributions()
    names = {name for module in modules for name in packages.get(module, ())}
    versions = {name: importlib.metadata.version(name) for name in sorted(names)[:MOST_PACKAGES]}
    fixed = {"adapter": ADAPTER_VERSION, "gymnasium": gymnasium.__version__, "numpy": np.__version__}
    return {**versions, **fixed}


def option_value(text):
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            pass
    return text


def nearest(id):
    known = {name.casefold(): name for name in gymnasium.registry}
    near = difflib.get_close_matches(id.casefold(), known, 1, 0.6)
    return known[near[0]] if near else None


def make(name):
    if gymnasium is None:
        python = sys.executable or "Python"
        if missing.name in ("gymnasium", "numpy"):
            raise Refusal(
                f"{python} must have Gymnasium, got none: run {python} -m pip install gymnasium, "
                "or name another Python by the variable UDRLPG_PYTHON"
            )
        raise Refusal(f"{python} must be able to import Gymnasium, got {missing}")
    id, _, query = name.partition("?")
    module, _, plain = id.rpartition(":")
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    options = {key: option_value(text) for key, text in options.items()}
    try:
        return gymnasium.make(id, disable_env_checker=True, **options)
    except ModuleNotFoundError as error:
        first = error.name or getattr(error.__context__, "name", None)
        if module and first and (module + ".").startswith(first + "."):
            raise Refusal(
                f'Python must find the module of the id, got no "{first}": install it, or start '
                "in the folder that holds it"
            )
        raise Refusal(f"the packages that it needs must be installed, got {error}")
    except gymnasium.error.DependencyNotInstalled as error:
        raise Refusal(f"the packages that it needs must be installed, got {error}")
    except gymnasium.error.UnregisteredEnv:
        near = nearest(plain)
        near = near and (f"{module}:{near}" if module else near)
        hint = f'did you mean "gym:{near}"?' if near else "an id of a module is gym:MODULE:ID"
        raise Refusal(f'Gymnasium {gymnasium.__version__} must know the id, got "{plain}": {hint}')
    except Exception as error:
        raise Refusal(f"Gymnasium must be able to make it, got {type(error).__name__}: {error}")


def is_image(space):
    if isinstance(space, gymnasium.spaces.Box):
        return space.dtype == np.uint8 and len(space.shape) >= 2
    if isinstance(space, gymnasium.spaces.Dict):
        return any(is_image(part) for part in space.spaces.values())
    return isinstance(space, gymnasium.spaces.Tuple) and any(map(is_image, space.spaces))


def describe_box(space):
    def bounds(values):
        return [float(x) if abs(x) < 1e30 else None for x in np.ravel(values)]

    dtype = "float32" if space.dtype == np.float32 else "float64"
    return {"low": bounds(space.low), "high": bounds(space.high), "dtype": dtype}


def layout_of(space):
    """How a space becomes numbers, in the words of Gymnasium: what gymnasium.spaces.flatten does."""
    spaces = gymnasium.spaces
    if isinstance(space, spaces.Dict):
        return {"kind": "Dict", "parts": [[key, layout_of(part)] for key, part in space.spaces.items()]}
    if isinstance(space, spaces.Tuple):
        return {"kind": "Tuple", "parts": [layout_of(part) for part in space.spaces]}
    layout = {"kind": type(space).__name__, "size": int(spaces.flatdim(space))}
    if isinstance(space, spaces.Discrete):
        return {**layout, "n": int(space.n), "start": int(space.start)}
    layout["shape"] = list(space.shape)
    if isinstance(space, spaces.MultiDiscrete):
        start = np.zeros_like(space.nvec) + getattr(space, "start", 0)
        layout.update(nvec=space.nvec.tolist(), start=start.tolist())
    return layout


class Player:
    """An environment with observations and actions as lists of numbers."""

    def __init__(self, name):
        before = top_modules()
        self.env, self.notes = make(name), []
        self.modules = top_modules() - before
        space = self.env.observation_space
        if is_image(space):
            raise Refusal(
                f"observations must be numbers, not images, got {space}: choose another observation by "
                "an option of the environment (as gym:ID?obs_type=ram), or register one that a wrapper "
                "of yours makes of it, as gym:MODULE:ID"
            )
        self.flat = space
        self.flatten = None
        if not isinstance(space, gymnasium.spaces.Box):
            try:
                self.flat = gymnasium.wrappers.FlattenObservation(self.env).observation_space
            except Exception as error:
                raise Refusal(f"observations must be numbers that can be laid flat, got {space}: {error}")
            if not isinstance(self.flat, gymnasium.spaces.Box):
                raise Refusal(f"observations must always be as long, got {space}")
            self.flatten = lambda observation: gymnasium.spaces.flatten(space, observation)
        self.size = int(np.prod(self.flat.shape))
        self.take = self.env.step
        self.read_actions(self.env.action_space)
        self.action_size = len(self.actions.get("low", [0]))

    def read_actions(self, space):
        spaces = gymnasium.spaces
        if isinstance(space, spaces.Discrete):
            start = int(space.start)
            self.actions = {"n": int(space.n)}
            self.action = lambda given: start + int(given[0])
        elif isinstance(space, spaces.Box):
            self.actions = describe_box(space)
            integer = np.issubdtype(space.dtype, np.integer)
            dtype, shape = space.dtype, space.shape
            if integer:
                self.action = lambda given: np.rint(given).astype(dtype).reshape(shape)
            elif len(shape) == 1:
                self.action = lambda given: np.array(given, dtype)
            else:
                self.action = lambda given: np.array(given, dtype).reshape(shape)
        elif isinstance(space, spaces.MultiDiscrete):
            sizes = [int(n) for n in np.ravel(space.nvec)]
            ends = np.cumsum(sizes)[:-1]
            start = np.asarray(getattr(space, "start", 0))
            self.actions = {"low": [-1] * sum(sizes), "high": [1] * sum(sizes)}

            def choose(given):
                best = [int(np.argmax(part)) for part in np.split(np.asarray(given), ends)]
                return (np.reshape(best, space.shape) + start).astype(space.dtype)

            self.action = choose
            self.notes.append(
                f"Actions are {space}: the policy puts out {sum(sizes)} scores from -1 to 1, and the "
                "largest of each entry is its choice"
            )
        elif isinstance(space, spaces.MultiBinary):
            size = int(np.prod(space.shape))
            self.actions = {"low": [-1] * size, "high": [1] * size}
            self.action = lambda given: (np.reshape(given, space.shape) > 0).astype(space.dtype)
            self.notes.append(
                f"Actions are {space}: the policy puts out {size} numbers from -1 to 1, above 0 is on"
            )
        else:
            raise Refusal(f"actions must be Discrete, Box, MultiDiscrete or MultiBinary, got {space}")

    def describe(self):
        spec = self.env.spec
        if spec.max_episode_steps is None:
            self.notes.append(
                f"The environment names no time limit, episodes end after {MAX_STEPS} steps: "
                "?max_episode_steps=N sets another"
            )
        answer = {
            "id": spec.id,
            "observationSpace": describe_box(self.flat),
            "actionSpace": self.actions,
            "maxEpisodeSteps": spec.max_episode_steps or MAX_STEPS,
            "source": f"Gymnasium {gymnasium.__version__}",
            "versions": versions_of(self.modules),
            "layout": {
                "observation": layout_of(self.env.observation_space),
                "action": layout_of(self.env.action_space),
            },
            "notes": self.notes,
        }
        if spec.reward_threshold is not None and math.isfinite(spec.reward_threshold):
            answer["rewardThreshold"] = spec.reward_threshold
        return answer

    def numbers(self, observation):
        given = observation if self.flatten is None else self.flatten(observation)
        if type(given) is not np.ndarray or given.ndim != 1:
            given = np.asarray(given, dtype=np.float64).ravel()
        numbers = given.tolist()
        if len(numbers) == self.size:
            return numbers
        raise Broken(f'"observation" must have {self.size} numbers as described, got {len(numbers)}')

    def reset(self, seed):
        started = self.env.reset(seed=seed)
        if not isinstance(started, tuple) or len(started) != 2:
            raise Broken(f'"reset" must return an observation and a dictionary, got {kind_of(started)}{OLD}')
        return [0.0, 0, *self.numbers(started[0])]

    def step(self, given):
        try:
            outcome = self.take(self.action(given))
        except ValueError as error:
            if "to unpack (expected 5" not in str(error):  # as a wrapper says it
                raise
            raise Broken(f'"step" must return five values, got others{OLD}')
        if len(outcome) != 5:
            raise Broken(f'"step" must return five values, got {kind_of(outcome)}{OLD}')
        observation, reward, terminated, truncated, _ = outcome
        reward = float(reward)
        flags = (TERMINATED if terminated else 0) + (TRUNCATED if truncated else 0)
        if not flags:
            return [reward, flags, *self.numbers(observation)]
        try:
            return [reward, flags, *self.numbers(observation)]
        except Exception:
            return [reward, flags] + [math.nan] * self.size  # nobody acts on it
`;
