/** --env-command through the whole program, with a small environment in a child. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { InterruptedError } from "../../../lib/system/errors.ts";
import { hashHex } from "../../../lib/system/files.ts";
import { splitLine } from "../../../lib/system/words.ts";
import { assertAllClose } from "../../support/close.ts";
import { countingCommand } from "../../support/counting_command.ts";
import { gymTest } from "../../support/gym_python.ts";
import { run } from "../../support/program.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

const OWN = ["--env-command", countingCommand()];
/** Stands behind trainTiny's own options, which name CartPole. */
const OWN_TRAINING = ["--env", "Counting-v0", "--steps", "200", ...OWN];
const NO_CONSENT =
  /^Cannot start environment command ".*": a file names it: if you trust it, give /;

function train(out: string, more: readonly string[] = OWN_TRAINING, signal?: AbortSignal) {
  const python = Deno.env.get("UDRLPG_PYTHON") ?? "";
  return trainTiny(out, more, {
    env: { UDRLPG_ENV: "", UDRLPG_PYTHON: python },
    ...(signal ? { signal } : {}),
  });
}

Deno.test("train, generate, evaluate, rollout and curve play the environment of a command", () =>
  withFolder(async (folder) => {
    const out = `${folder}/run`;
    const trained = await train(out, [...OWN_TRAINING, "--workers", "3"]);
    assert.equal(trained.code, 0, trained.stderr);
    assert.match(
      trained.stderr,
      /^Warning: an environment in a child process runs without workers: the 3 asked for/,
    );
    assert.match(trained.stdout, /^Environment {3}Counting-v0, preset default/);
    assert.match(trained.stdout, /\nNext: udrlpg generate --run \S+ --return \S+ --env-command '/);
    const config = await Deno.readTextFile(`${out}/config.toml`);
    assert.match(config, /^environment = "observation 2 float64 -inf\.\.inf 0\.\.\d+; action 1 /m);
    assert.match(config, /^envCommand = "'.*"$/m);
    assert.match(config, /^env = "Counting-v0"$/m);
    assert.match(config, /^workers = 0$/m);

    const policy = `${folder}/p.onnx`;
    const generate = ["generate", "--run", out, "--return", "3", "--out", policy];
    const generated = await run([...generate, ...OWN, "--json", "--workers", "2"]);
    assert.equal(generated.code, 0, generated.stderr);
    assert.match(
      generated.stderr,
      /^Warning: an environment in a child process runs without workers: the 2 asked for/,
    );
    assert.equal(JSON.parse(generated.stdout).env, "Counting-v0");

    const evaluated = await run(["evaluate", policy, "--episodes", "3", ...OWN, "--json"]);
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const { env, length } = JSON.parse(evaluated.stdout);
    assert.equal(env, "Counting-v0");
    assert.ok(length.mean > 5 && length.mean <= 8.1, `${length.mean}`);

    const rolled = await run(["rollout", "--policy", policy, "--seed", "9", ...OWN, "--json"]);
    assert.equal(rolled.code, 0, rolled.stderr);
    const lines = rolled.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines[0].observation, [0, 9]);
    // It ends above a count of 5, which takes six steps or more, or after eight.
    assert.ok(lines.at(-1).t >= 6 && lines.at(-1).t <= 8, `${lines.at(-1).t}`);

    const curve = ["curve", "--run", out, "--points", "2", "--episodes", "1", "--json"];
    const drawn = await run(curve, { env: { UDRLPG_ENV_COMMAND: countingCommand() } });
    assert.equal(drawn.code, 0, drawn.stderr);
    assert.equal(JSON.parse(drawn.stdout).env, "Counting-v0");

    for (const argv of [["verify", out], ["inspect", `${out}/generator.safetensors`]]) {
      const { code, stdout, stderr } = await run([...argv, ...OWN]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^The same: |, whole\n/);
      const without = await run(argv);
      assert.equal(without.code, 2);
      assert.match(without.stderr, NO_CONSENT);
      const trusted = await run([...argv, "--trust"]);
      assert.deepEqual([trusted.code, trusted.stdout], [0, stdout], trusted.stderr);
    }
    // A longer limit changes what returns are worth, other actions what a policy means.
    for (const argv of [["evaluate", policy], ["verify", out], [...generate, "--verify", "2"]]) {
      const longer = await run([...argv, "--env-command", countingCommand("longer")]);
      assert.match(longer.stderr, /^Warning: "Counting-v0" is not as it was when ".*" was made: /);
      assert.match(longer.stderr, /: steps 9 instead of 8\n/);
      const other = await run([...argv, "--env-command", countingCommand("discrete")]);
      assert.equal(other.code, 3, other.stderr);
      assert.match(
        other.stderr,
        /^Cannot .* in "Counting-v0": the environment must be the one that it was made in, got action 3 choices instead of 1 float32 -1\.\.1\n$/,
      );
    }

    const page = `${folder}/p.html`;
    const played = await run(["play", policy, "--out", page, ...OWN, "--json"]);
    assert.equal(played.code, 0, played.stderr);
    assert.equal(JSON.parse(played.stdout).env, "Counting-v0");

    for (const argv of [generate, curve, ["evaluate", policy], ["rollout", "--policy", policy]]) {
      const { code, stderr } = await run(argv);
      assert.equal(code, 2, stderr);
      assert.match(stderr, NO_CONSENT);
      assert.equal(stderr.split("\n").length, 2);
      const trusted = await run([...argv, "--trust"]);
      assert.equal(trusted.code, 0, trusted.stderr);
    }
    const other = await run([...generate, "--env-command", countingCommand("other")]);
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /^Cannot use --env-command: it must describe "Counting-v0", which ".*generator.safetensors" names, got "Other-v0"\n$/,
    );
  }));

Deno.test("train --resume goes on with the environment of a command when it is given again", () =>
  withFolder(async (out) => {
    const signal = AbortSignal.abort(new InterruptedError("Interrupted by SIGINT", "SIGINT"));
    const stopped = await train(`${out}/run`, OWN_TRAINING, signal);
    assert.equal(stopped.code, 130);
    assert.match(
      stopped.stderr,
      /saved: go on with udrlpg train --resume --out \S+ --env-command '/,
    );
    const resume = ["train", "--resume", "--out", `${out}/run`, "--device", "cpu"];
    const without = await run(resume);
    assert.equal(without.code, 2);
    assert.match(without.stderr, NO_CONSENT);
    assert.match(without.stderr, / give --env-command '.*\n$/);
    const changed = await run([...resume, "--env-command", countingCommand("longer")]);
    assert.equal(changed.code, 3);
    assert.match(
      changed.stderr,
      /^Cannot resume run ".*": its configuration must stay as it is, got another environment \(steps 9 instead of 8\): /,
    );
    const resumed = await run([...resume, ...OWN, "--json"]);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(JSON.parse(resumed.stdout).env, "Counting-v0");
  }));

Deno.test("train reports a child that dies, and a name that is not the child's", () =>
  withFolder(async (folder) => {
    const dying = ["--env", "Counting-v0", "--env-command", countingCommand("die")];
    const died = await train(`${folder}/run`, dying);
    assert.equal(died.code, 3);
    assert.match(
      died.stderr,
      /^Cannot step environment command ".*": the child must keep running, got exit code 7 \(the motor is on fire\) in step 1 of episode 1, seed \d+\n$/,
    );
    const named = await train(`${folder}/other`, ["--env", "Hopper-v5", ...OWN]);
    assert.equal(named.code, 2);
    assert.equal(
      named.stderr,
      'Cannot use --env-command: it must describe "Hopper-v5", which --env names, got "Counting-v0"\n',
    );
  }));

Deno.test("train --dry-run names --env-command as the source of the environment", async () => {
  const options = ["--dry-run", "--json", "--set", "policy.hiddenSizes=32"];
  const { code, stdout, stderr } = await run(["train", ...options, ...OWN]);
  assert.equal(code, 0, stderr);
  const { values, sources } = JSON.parse(stdout);
  assert.deepEqual([values.env, sources.env], ["Counting-v0", "--env-command"]);
});

Deno.test("a signal ends the child and the command, at once and in the middle of a step", async () => {
  for (const command of ["sleep 1000", countingCommand("hang")]) {
    const controller = new AbortController();
    const reason = new InterruptedError("Interrupted by SIGTERM", "SIGTERM");
    const running = run(["rollout", "--env-command", command, "--env-grace", "0"], {
      signal: controller.signal,
    });
    const timer = setTimeout(
      () => controller.abort(reason),
      command.startsWith("sleep") ? 50 : 700,
    );
    const { code, stderr } = await running;
    clearTimeout(timer);
    assert.deepEqual([code, stderr], [143, "Interrupted by SIGTERM\n"]);
  }
});

Deno.test("a signal ends training in the middle of a step that takes too long, and says what is saved", () =>
  withFolder(async (folder) => {
    const controller = new AbortController();
    const reason = new InterruptedError("Interrupted by SIGTERM", "SIGTERM");
    const hanging = ["--env", "Counting-v0", "--env-command", countingCommand("hang")];
    const training = train(`${folder}/run`, [...hanging, "--env-grace", "0.2"], controller.signal);
    const timer = setTimeout(() => controller.abort(reason), 1500);
    const { code, stderr } = await training;
    clearTimeout(timer);
    assert.equal(code, 143, stderr);
    assert.match(stderr, /^Interrupted by SIGTERM after 0 steps, which are saved: go on with /);
  }));

Deno.test("rollout gives a silent child up after --env-timeout", async () => {
  const argv = ["rollout", "--env-command", "sleep 1000", "--env-timeout", "0.2"];
  const { code, stderr } = await run(argv);
  assert.equal(code, 3);
  assert.match(
    stderr,
    /the child must answer within 0\.2 s, got nothing: --env-timeout gives it more time\n$/,
  );
});

Deno.test("--env-command without the permission to run programs says which flag gives it", async () => {
  const main = fileURLToPath(new URL("../../../main.ts", import.meta.url));
  const argv = ["rollout", "--env-command", "python my_env.py"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-read", "--allow-env", main, ...argv],
  }).output();
  assert.equal(code, 2);
  assert.equal(
    new TextDecoder().decode(stderr),
    'Cannot start environment command "python my_env.py": this program must be permitted to start ' +
      "programs, got no permission: run it with --allow-run, from a checkout by deno run -A main.ts\n",
  );
});

Deno.test("a command that was typed once is run from files of the same folder without asking", () =>
  withFolder(async (folder) => {
    const env = { UDRLPG_ENV: "", XDG_CACHE_HOME: `${folder}/cache` };
    const out = `${folder}/run`;
    const trained = await trainTiny(out, OWN_TRAINING, { env });
    assert.equal(trained.code, 0, trained.stderr);
    assert.match(trained.stdout, /\nNext: udrlpg generate --run \S+ --return \S+\n$/);
    const generate = ["generate", out, "--return", "3", "--out", `${folder}/p.onnx`];
    const generated = await run(generate, { env });
    assert.equal(generated.code, 0, generated.stderr);
    assert.match(generated.stdout, /\nNext: udrlpg evaluate \S+\n$/);
    const evaluated = await run(["evaluate", `${folder}/p.onnx`, "--episodes", "1"], { env });
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const again = ["train", "--config", `${out}/config.toml`, "--out", `${folder}/again`];
    const repeated = await run([...again, "--device", "cpu"], { env });
    assert.equal(repeated.code, 0, repeated.stderr);
    assert.deepEqual(
      await Deno.readFile(`${folder}/again/generator.safetensors`),
      await Deno.readFile(`${out}/generator.safetensors`),
    );
    const elsewhere = await run(generate, { env: { ...env, XDG_CACHE_HOME: `${folder}/other` } });
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.stderr, NO_CONSENT);
  }));

Deno.test("sweeps name an environment of the user's own, in the file or on the command line", () =>
  withFolder(async (folder) => {
    const file = `${folder}/own.toml`;
    const grid = "steps = 200\nseeds = 2\n[grid]\nupdate.perCycle = [1, 2]\n";
    await Deno.writeTextFile(file, `env_command = ${JSON.stringify(countingCommand())}\n${grid}`);
    const inFile = await run(["sweep", "plan", file]);
    assert.equal(inFile.code, 0, inFile.stderr);
    const lines = inFile.stdout.trim().split("\n").map(splitLine);
    assert.equal(lines.length, 4);
    for (const words of lines) {
      assert.deepEqual(words.slice(0, 4), ["udrlpg", "train", "--env", "Counting-v0"]);
      assert.equal(words[words.indexOf("--env-command") + 1], countingCommand());
      assert.match(words[words.indexOf("--out") + 1], /^runs\/own\/Counting-v0-[0-9a-f]{12}-seed/);
    }
    await Deno.writeTextFile(file, `env = "Counting-v0"\n${grid}`);
    const given = await run(["sweep", "plan", file, ...OWN, "--env-timeout", "7"]);
    assert.equal(given.code, 0, given.stderr);
    assert.equal(
      given.stdout,
      inFile.stdout.replaceAll(" --seed", " --env-timeout 7 --seed"),
    );
    const longer = ["--env-command", countingCommand("longer")];
    const changed = await run(["sweep", "plan", file, ...longer]);
    const foldersOf = (text: string) => text.match(/Counting-v0-[0-9a-f]{12}/g);
    assert.notDeepEqual(foldersOf(changed.stdout), foldersOf(given.stdout));
    const missing = await run(["sweep", "plan", file]);
    assert.equal(missing.code, 3);
    assert.match(missing.stderr, /or give --env-command if it is an environment of your own\n$/);
    const misnamed = await run(["sweep", "plan", file, "--env-command", countingCommand("other")]);
    assert.equal(misnamed.code, 2);
    assert.match(
      misnamed.stderr,
      /must describe "Counting-v0", which the sweep names, got "Other-v0"/,
    );
  }));

Deno.test("any number of --env-workers gives the same bytes, and --env-restarts, too", () =>
  withFolder(async (folder) => {
    const once = countingCommand("once", `${folder}/mark`);
    const flaky = ["--env", "Counting-v0", "--steps", "200", "--env-command", once];
    const runs: Record<string, readonly string[]> = {
      one: OWN_TRAINING,
      three: [...OWN_TRAINING, "--env-workers", "3"],
      crashed: [...flaky, "--env-restarts", "1"],
    };
    for (const [name, argv] of Object.entries(runs)) {
      const { code, stderr } = await train(`${folder}/${name}`, argv);
      assert.equal(code, 0, stderr);
      const said = /^Warning: .*: a fresh child plays the episode again/m.test(stderr);
      assert.equal(said, name === "crashed", stderr);
    }
    const read = (name: string) => Deno.readTextFile(`${folder}/${name}/metrics.jsonl`);
    assert.equal(await read("three"), await read("one"));
    assert.equal(await read("crashed"), await read("one"));

    const outputs = new Set<string>();
    for (const count of ["1", "2", "5"]) {
      const words = [...OWN, "--json", "--env-workers", count];
      const out = `${folder}/p.onnx`;
      const generate = ["generate", `${folder}/one`, "--return", "4", "--tolerance", "2"];
      const generated = await run([...generate, "--verify", "5", "--out", out, ...words]);
      const evaluated = await run(["evaluate", out, "--episodes", "7", ...words]);
      assert.equal(evaluated.code, 0, evaluated.stderr);
      outputs.add(generated.stdout + evaluated.stdout);
    }
    assert.equal(outputs.size, 1);
  }));

gymTest(
  "training in Gymnasium leaves the same bytes for any number of --env-workers",
  () =>
    withFolder(async (folder) => {
      const hashes = new Set<string>();
      for (const count of ["1", "2", "3"]) {
        const out = `${folder}/${count}`;
        const { code, stderr } = await train(out, [
          "--env",
          "gym:CartPole-v1",
          "--env-workers",
          count,
        ]);
        assert.equal(code, 0, stderr);
        const files = ["metrics.jsonl", "generator.safetensors", "config.toml"];
        const bytes = await Promise.all(files.map((name) => Deno.readFile(`${out}/${name}`)));
        hashes.add(bytes.map((each) => hashHex(each)).join());
      }
      assert.equal(hashes.size, 1);
    }),
);

Deno.test("returns that are scaled and offset give the same curve", () =>
  withFolder(async (folder) => {
    /** Trains where 8 steps pay scale * count + offset each; gives returns as they would be with 1 and 0. */
    const curveOf = async (scale: number, offset: number): Promise<number[]> => {
      const out = `${folder}/${scale},${offset}`;
      const command = countingCommand("steady", String(scale), String(offset));
      const own = ["--env", "Counting-v0", "--steps", "600", "--env-command", command];
      const { code, stderr } = await train(out, own);
      assert.equal(code, 0, stderr);
      const records = (await Deno.readTextFile(`${out}/metrics.jsonl`)).trim().split("\n")
        .map((line) => JSON.parse(line));
      const values = records.flatMap(({ kind, ...record }) =>
        kind === "episode"
          ? [record.return]
          : kind === "curve"
          ? record.points.map(({ mean }: { mean: number }) => mean)
          : []
      );
      return values.map((value: number) => (value - 8 * offset) / scale);
    };
    const plain = await curveOf(1, 0);
    assert.ok(plain.length > 30, `${plain.length}`);
    for (const [scale, offset] of [[1e9, -3e9], [1e-7, 1e-6]]) {
      assertAllClose(await curveOf(scale, offset), plain, { tolerance: 1e-6 });
    }
  }));
