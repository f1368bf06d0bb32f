import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hashHex } from "../../lib/system/files.ts";
import { linkTools } from "./main_job.ts";
import { packFolder } from "./pack.ts";
import { type Compression, COMPRESSIONS } from "./stub.ts";

/** Stands in for Deno in the archive: tells how it was called, so that the stub is what is tested. */
const DENO_SCRIPT = `#!/bin/sh
[ "$1" = --version ] && exit 0
[ "$1" = run ] || exit 99
while [ "\${1##*/}" != main.ts ]; do
  case $1 in --allow-*) echo "permission $1" ;; esac
  shift
done
case $2 in
  exit) exit "$3" ;;
  sleep) echo ready; exec /bin/sleep 60 ;;
esac
echo "main $1"
[ -f "$1" ] && while read -r line; do echo "$line"; done <"$1"
echo "cache $DENO_DIR"
shift
for word; do echo "[$word]"; done
`;

interface Place {
  readonly folder: string;
  readonly file: string;
  readonly home: string;
  run(words: readonly string[], options?: RunOptions): Promise<Ran>;
}

interface RunOptions {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Packs the stand-in and gives a place with a home folder, a cache of its own and few tools. */
async function withPacked(
  test: (place: Place) => Promise<void>,
  compression: Compression = "xz",
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "udrlpg-stub-" });
  try {
    const stage = join(folder, "stage");
    await Deno.mkdir(join(stage, "program"), { recursive: true });
    await Deno.writeTextFile(join(stage, "program", "main.ts"), "the program\n");
    await Deno.writeTextFile(join(stage, "deno"), DENO_SCRIPT, { mode: 0o755 });
    // Another archive in every test, or one would find what another left in a shared folder.
    await Deno.writeTextFile(join(stage, "program", "token.txt"), crypto.randomUUID());
    const file = join(folder, "a place", "udrlpg it's");
    await packFolder(stage, {
      out: file,
      compression,
      title: "test",
      permissions: ["--allow-env=UDRLPG_*,HOME", "--no-prompt"],
    });
    const home = join(folder, "home of a user");
    await Deno.mkdir(home);
    const PATH = await linkTools(join(folder, "tools"));
    await test({
      folder,
      file,
      home,
      async run(words, { file: command = file, env, cwd = folder } = {}) {
        const made = new Deno.Command(command, {
          args: [...words],
          cwd,
          clearEnv: true,
          env: { PATH, HOME: home, ...env },
        });
        const { code, stdout, stderr } = await startFresh(() => made.output());
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        return { code, stdout: text(stdout), stderr: text(stderr) };
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Starts a file that was only just written. Where another test starts a process meanwhile, its child has
 * the file open for writing for a moment, and Linux runs no such file (ETXTBSY).
 */
async function startFresh<T>(start: () => T): Promise<Awaited<T>> {
  for (let left = 50;; left--) {
    try {
      return await start();
    } catch (error) {
      if (left === 0 || !String(error).includes("Text file busy")) throw error;
      await delay(20);
    }
  }
}

/** The folders that were unpacked below a base folder, and whatever else lies there. */
function unpackedIn(base: string): string[] {
  try {
    return [...Deno.readDirSync(base)].map(({ name }) => name);
  } catch {
    return [];
  }
}

const options = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "a packed file passes arguments, exit codes and permissions through",
  options,
  () =>
    withPacked(async ({ run, home, folder }) => {
      const TMPDIR = await Deno.makeTempDir({ dir: folder });
      const words = ["train", "", "two words", "$HOME `x` \\", "it's", "*", "-n", "--", "a\nb"];
      const { code, stdout, stderr } = await run(words, { env: { TMPDIR } });
      assert.equal(stderr, "");
      assert.equal(code, 0);
      assert.deepEqual(unpackedIn(TMPDIR), []); // nothing is left where it is not used
      const [hash] = unpackedIn(join(home, ".cache", "udrlpg"));
      const base = join(home, ".cache", "udrlpg", hash);
      assert.match(hash, /^[0-9a-f]{64}$/);
      assert.equal(
        stdout,
        [
          "permission --allow-env=UDRLPG_*,HOME",
          `main ${base}/program/main.ts`,
          "the program",
          `cache ${base}/cache`,
          ...words.map((word) => `[${word}]`),
          "",
        ].join("\n"),
      );
      for (const wanted of [0, 1, 5, 130]) {
        assert.equal((await run(["exit", String(wanted)])).code, wanted);
      }
    }),
);

for (const compression of COMPRESSIONS) {
  Deno.test(
    `a packed file asks for ${compression} where it is missing, at the first start alone`,
    options,
    () =>
      withPacked(async ({ run, folder, home }) => {
        const tools = join(folder, "fewer tools");
        await linkTools(tools);
        await Deno.remove(join(tools, compression));
        const env = { PATH: tools };
        assert.deepEqual(await run(["x"], { env }), {
          code: 3,
          stdout: "",
          stderr:
            `Cannot start udrlpg: ${compression} must be installed, to unpack the first time\n`,
        });
        assert.deepEqual(unpackedIn(join(home, ".cache", "udrlpg")), []);
        assert.match((await run(["x"])).stdout, /\[x\]/);
        assert.match((await run(["x"], { env })).stdout, /\[x\]/);
      }, compression),
  );
}

Deno.test(
  "a packed file becomes Deno's process, so that signals reach it",
  options,
  () =>
    withPacked(async ({ file, home }) => {
      const command = new Deno.Command(file, {
        args: ["sleep"],
        env: { HOME: home },
        stdout: "piped",
      });
      const child = await startFresh(() => command.spawn());
      const reader = child.stdout.getReader();
      let text = "";
      while (!text.includes("ready")) {
        const { value, done } = await reader.read();
        assert.equal(done, false);
        text += new TextDecoder().decode(value);
      }
      child.kill("SIGTERM");
      assert.equal((await child.status).signal, "SIGTERM");
      await reader.cancel();
    }),
);

Deno.test(
  "a packed file works through links and from the search path",
  options,
  () =>
    withPacked(async ({ run, file, folder }) => {
      const link = join(folder, "link");
      await Deno.symlink(join("a place", "udrlpg it's"), link);
      assert.match((await run(["x"], { file: link })).stdout, /\[x\]/);
      assert.match((await run(["x"], { file: "./link" })).stdout, /\[x\]/);
      assert.match(
        (await run(["link", "x"], { file: "/usr/bin/env", env: { PATH: `${folder}:/usr/bin` } }))
          .stdout,
        /\[x\]/,
      );
      assert.match((await run([file, "x"], { file: "/bin/sh" })).stdout, /\[x\]/);
    }),
);

Deno.test(
  "a packed file takes a temporary folder where there is no home",
  options,
  () =>
    withPacked(async ({ run, folder }) => {
      const { uid } = Deno.statSync(folder);
      for (const HOME of ["", "/nowhere/at/all", "relative", "/proc/1"]) {
        const TMPDIR = await Deno.makeTempDir({ dir: folder });
        const env = { HOME, TMPDIR };
        assert.match(
          (await run(["x"], { env })).stdout,
          new RegExp(`main ${TMPDIR}/udrlpg-${uid}/`),
          `HOME="${HOME}"`,
        );
      }
      const cache = join(folder, "cache folder");
      const { stdout } = await run(["x"], { env: { XDG_CACHE_HOME: cache } });
      assert.ok(stdout.includes(`main ${cache}/udrlpg/`));
    }),
);

Deno.test(
  "a packed file trusts no folder that others may write in",
  options,
  () =>
    withPacked(async ({ run, folder }) => {
      const { uid } = Deno.statSync(folder);
      const TMPDIR = join(folder, "tmp");
      const shared = join(TMPDIR, `udrlpg-${uid}`);
      const expectElsewhere = async (why: string) => {
        const { stdout } = await run(["x"], { env: { HOME: "", TMPDIR } });
        const main = /^main (.*)$/m.exec(stdout)![1];
        assert.ok(!main.startsWith(TMPDIR), `${why}: ${main}`);
        const place = dirname(dirname(main));
        await Deno.remove(place, { recursive: true });
        await Deno.remove(dirname(place)).catch(() => {}); // unless there is more in it
      };
      await Deno.mkdir(shared, { recursive: true });
      await Deno.chmod(shared, 0o777);
      await expectElsewhere("a folder that everybody may write in");
      await Deno.remove(shared);
      await Deno.mkdir(join(folder, "own"), { mode: 0o700 });
      await Deno.symlink(join(folder, "own"), shared);
      await expectElsewhere("a link");
      if (uid !== 0) return;
      await Deno.remove(shared);
      await Deno.mkdir(shared, { mode: 0o700 });
      await Deno.chown(shared, 12345, 12345);
      await expectElsewhere("somebody else's folder");
    }),
);

Deno.test(
  "a packed file unpacks once when it is started many times at once",
  options,
  () =>
    withPacked(async ({ run, home }) => {
      const runs = await Promise.all(Array.from({ length: 6 }, (_, i) => run([String(i)])));
      runs.forEach(({ code, stdout, stderr }, i) => {
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        assert.ok(stdout.includes("the program\n") && stdout.endsWith(`[${i}]\n`));
      });
      assert.equal(unpackedIn(join(home, ".cache", "udrlpg")).length, 1);
    }),
);

Deno.test(
  "a packed file unpacks again what was removed, cut short or changed",
  options,
  () =>
    withPacked(async ({ run, home }) => {
      await run([]);
      const base = join(home, ".cache", "udrlpg");
      const [hash] = unpackedIn(base);
      const main = join(base, hash, "program", "main.ts");
      for (
        const damage of [
          () => Deno.removeSync(main),
          () => Deno.truncateSync(main, 3),
          () => Deno.writeTextFileSync(main, "no program!\n"), // as long as the program
          () => { // and so is the list that says so, and what was noted of both
            Deno.writeTextFileSync(main, "no program!\n");
            const sums = join(base, hash, "sums");
            const text = Deno.readTextFileSync(sums);
            const changed = hashHex(new TextEncoder().encode("no program!\n"));
            Deno.writeTextFileSync(sums, text.replace(/^\S+(?= .*main\.ts$)/m, changed));
          },
          () => Deno.removeSync(join(base, hash, "stamp")),
          () => Deno.removeSync(join(base, hash, "sums")),
          () => Deno.removeSync(join(base, hash, "deno")),
          () => Deno.removeSync(join(base, hash), { recursive: true }),
        ]
      ) {
        damage();
        const { code, stdout } = await run(["x"]);
        assert.equal(code, 0);
        assert.match(stdout, /^the program\n[^]*\[x\]/m);
        assert.deepEqual(unpackedIn(base), [hash]);
      }
    }),
);

Deno.test(
  "a packed file removes what killed first starts left, and nothing of one that goes on",
  options,
  () =>
    withPacked(async ({ run, home }) => {
      const base = join(home, ".cache", "udrlpg");
      await Deno.mkdir(base, { recursive: true, mode: 0o700 });
      const node = Deno.hostname();
      const gone = new Deno.Command("true").spawn();
      await gone.status;
      const here = [`unpack.${node}.${gone.pid}.abc`, `unpack.${node}.${Deno.pid}.def`];
      // Of other machines that share the home folder nobody knows what runs there.
      const elsewhere = ["unpack.a.host.1.ghi", "unpack.a.host.2.jkl"];
      const leave = async () => {
        for (const name of [...here, ...elsewhere]) {
          await Deno.mkdir(join(base, name), { recursive: true });
          await Deno.writeTextFile(join(base, name, "deno"), "");
        }
        const old = new Date(Date.now() - 2 * 3600_000);
        await Deno.utime(join(base, elsewhere[0]), old, old);
      };
      for (let start = 0; start < 2; start++) { // one that unpacks, one that does not
        await leave();
        assert.equal((await run([])).code, 0);
        const names = unpackedIn(base).filter((name) => name.startsWith("unpack."));
        assert.deepEqual(names.sort(), [elsewhere[1], here[1]].sort());
      }
    }),
);

Deno.test(
  "a packed file refuses to run an archive that is damaged",
  options,
  () =>
    withPacked(async ({ run, file, home, folder }) => {
      const whole = await Deno.readFile(file);
      const damaged = join(folder, "damaged");
      const flipped = whole.slice();
      flipped[whole.length - 100] ^= 1;
      for (const bytes of [flipped, whole.subarray(0, whole.length - 100)]) {
        await Deno.writeFile(damaged, bytes, { mode: 0o755 });
        assert.deepEqual(await run(["x"], { file: damaged }), {
          code: 3,
          stdout: "",
          stderr:
            `Cannot start udrlpg: the file must be whole, its archive is damaged: ${damaged}\n`,
        });
        assert.deepEqual(unpackedIn(join(home, ".cache", "udrlpg")), []);
      }
    }),
);

Deno.test("packFolder() gives equal files for equal folders", options, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const hashes = [];
    for (const name of ["a", "b"]) {
      const stage = join(folder, name);
      await Deno.mkdir(join(stage, "program"), { recursive: true });
      await Deno.writeTextFile(join(stage, "deno"), "#!/bin/sh\n", { mode: 0o755 });
      await Deno.writeTextFile(join(stage, "program", "main.ts"), "x");
      const options = {
        out: join(folder, `${name}.out`),
        compression: "xz" as const,
        title: "",
        permissions: [],
      };
      hashes.push((await packFolder(stage, options)).hash);
    }
    assert.equal(hashes[0], hashes[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
