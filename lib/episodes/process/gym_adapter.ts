/**
 * The Python program that plays environments of Gymnasium for `--env gym:ID`, in the messages of frames.ts. It
 * stands here as text, so that a checkout and every executable have it, and is handed to Python by `-c`.
 * Python then also finds modules in the current folder, which `gym:module:ID` needs.
 *
 * One Python plays several environments side by side where the program asks for it: then a message carries a
 * step of each, and what the way between the programs costs is shared. They are copies of one, so this is
 * done only where nothing speaks against copies: a step is quick, a copy is light, nothing is shown on a
 * screen, and two copies that play in turns do what they do one after the other. That rehearsal finds
 * environments that share something, such as the random numbers of a module.
 */

import { GYM_PLAYER } from "./gym_player.ts";

/** The whole program. */
export const GYM_ADAPTER: string = GYM_PLAYER + String.raw`
import copy, itertools, struct, time

# Messages: how many rows of numbers and how many bytes of text follow.
HEADER = struct.Struct("<2I")
# Only what is quick is played side by side: where a step takes longer, the way to Python costs nothing.
QUICK_SECONDS = 3e-4
LIGHT_SECONDS, LIGHT_BYTES, MOST_BYTES = 0.5, 2**26, 2**29
REHEARSED_STEPS = 100


class Table:
    """Environments of one name that are played side by side; how long they take."""

    def __init__(self, name):
        self.name = name
        self.players, self.spare = [Player(name)], []
        # Whether copies do no harm; None before it was tried. How many there is memory for.
        self.has_copies, self.most = None, 1
        self.steps, self.seconds = 0, 0.0
        first = self.players[0]
        self.asked = 2 + max(1, first.action_size)
        self.nothing = [0.0, FAILED] + [math.nan] * first.size

    def play(self, requests):
        """Plays a step or a reset for each request; gives their answers, and what went wrong."""
        values, errors, players, before = [], [], self.players, time.perf_counter()
        for at in range(0, len(requests), self.asked):
            player = players[int(requests[at])]
            try:
                if requests[at + 1]:
                    values += player.step(requests[at + 2 : at + self.asked])
                else:
                    seed = requests[at + 2]
                    values += player.reset(None if seed != seed else int(seed))
            except Broken as error:
                values += self.nothing
                errors.append({"broken": str(error)})
            except Exception as error:
                values += self.nothing
                errors.append({"error": f"{type(error).__name__}: {error}"})
            self.steps += 1
        self.seconds += time.perf_counter() - before
        return values, errors

    def widen(self, count):
        """Makes more environments, up to count in all, where they help and nothing speaks against it."""
        if self.has_copies is None and self.steps > 0 and self.seconds / self.steps < QUICK_SECONDS:
            try:
                self.has_copies = self.try_copies()
            except Exception:
                self.has_copies = False  # One at a time is always possible.
        while self.has_copies and len(self.players) < min(count, self.most):
            self.players.append(self.spare.pop() if self.spare else Player(self.name))
        return len(self.players)

    def try_copies(self):
        if self.players[0].env.render_mode is not None:
            return False
        before, held = time.perf_counter(), resident_bytes()
        self.spare += [Player(self.name), Player(self.name)]
        seconds, size = (time.perf_counter() - before) / 2, (resident_bytes() - held) / 2
        if seconds > LIGHT_SECONDS or size > LIGHT_BYTES:
            return False
        self.most = int(MOST_BYTES // max(size, 1))
        return are_independent(self.spare)

    def close(self):
        for player in self.players + self.spare:
            player.env.close()


def are_independent(players):
    """Whether two environments do the same in turns as one after the other: what they share would show."""
    lines = [rehearse(player, seed) for seed, player in enumerate(players)]
    apart = [list(itertools.islice(line, REHEARSED_STEPS)) for line in lines]
    lines = [rehearse(player, seed) for seed, player in enumerate(players)]
    in_turns = [next(line) for _ in range(REHEARSED_STEPS) for line in lines]
    return repr(apart) == repr([in_turns[i :: len(lines)] for i in range(len(lines))])


def rehearse(player, seed):
    """Plays by itself, with actions drawn from a seed; gives what it sees and gets."""
    env, actions = player.env, copy.deepcopy(player.env.action_space)
    actions.seed(seed)
    while True:
        yield player.reset(seed)
        is_over = False
        while not is_over:
            observation, reward, *ends, _ = env.step(actions.sample())
            is_over = any(ends)
            yield [float(reward), *ends] + ([] if is_over else player.numbers(observation))
        seed += 2


def resident_bytes():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return 0  # A system that does not tell.


class Frames:
    """Messages on standard input and output: numbers, a row for each environment, and a text."""

    def __init__(self):
        self.input, self.output = sys.stdin.buffer, answers

    def read(self, columns):
        header = self.input.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        rows, length = HEADER.unpack(header)
        body = self.input.read(8 * rows * columns)
        return struct.unpack(f"<{rows * columns}d", body), self.input.read(length)

    def write(self, values=(), rows=0, text=b""):
        self.output.write(HEADER.pack(rows, len(text)) + struct.pack(f"<{len(values)}d", *values) + text)
        self.output.flush()


def main(name):
    frames, table, asked = Frames(), None, 0
    while (message := frames.read(asked)) is not None:
        requests, text = message
        if not text:
            values, errors = table.play(requests)
            rows = len(requests) // asked
            frames.write(values, rows, json.dumps(errors).encode() if errors else b"")
            continue
        request = json.loads(text)
        try:
            if request["command"] == "describe":
                table = Table(name)
                asked = table.asked
                answer = table.players[0].describe()
            else:
                answer = {"count": table.widen(request["count"])}
        except Refusal as error:
            answer = {"refused": " ".join(str(error).split())}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        frames.write(text=json.dumps(answer).encode())
    if table is not None:
        table.close()


main(sys.argv[1])
`;
