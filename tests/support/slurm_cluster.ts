/**
 * A SLURM cluster of this one machine, started from the installed programs (Debian's slurm-wlm and
 * munge) with everything it writes in one folder. It needs root, as SLURM does.
 */

import { join } from "node:path";

/** A running cluster. */
export interface SlurmCluster {
  /** Variables with which sbatch and its relatives find the cluster. */
  readonly env: Record<string, string>;
  /** Ends its daemons. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function output(command: string, args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Starts a cluster in an empty folder; gives the reason where the machine does not allow it. */
export async function startSlurm(folder: string): Promise<SlurmCluster | string> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "SLURM must be started by root";
  const daemons: Deno.ChildProcess[] = [];
  const stop = async () => {
    for (const daemon of daemons.toReversed()) {
      try {
        daemon.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await daemon.status;
    }
  };
  const spawn = (command: string, args: string[], env: Record<string, string> = {}) => {
    const daemon = new Deno.Command(command, {
      args,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    daemons.push(daemon);
  };
  try {
    const env = await configure(folder);
    const munge = (name: string) => join(folder, `munge.${name}`);
    spawn("munged", [
      ...["--foreground", "--force", "--key-file", munge("key"), "--socket", munge("socket")],
      ...["--pid-file", munge("pid"), "--log-file", munge("log"), "--seed-file", munge("seed")],
    ]);
    spawn("slurmctld", ["-D", "-c", "-f", env.SLURM_CONF], env);
    spawn("slurmd", ["-D", "-c", "-f", env.SLURM_CONF], env);
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const { stdout, stderr } = await output("sinfo", ["--noheader", "--format=%T"], env);
      if (stdout === "idle") return { env, stop };
      if (performance.now() > end) {
        await stop();
        return `SLURM did not start within ${START_TIMEOUT_MS / 1000} s: ${stdout}${stderr}`;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } catch (error) {
    await stop();
    if (error instanceof Deno.errors.NotFound) return "SLURM is not installed";
    throw error;
  }
}

async function configure(folder: string): Promise<Record<string, string>> {
  await Deno.chmod(folder, 0o755);
  await Deno.writeFile(join(folder, "munge.key"), crypto.getRandomValues(new Uint8Array(128)), {
    mode: 0o600,
  });
  for (const name of ["state", "spool"]) await Deno.mkdir(join(folder, name));
  const { stdout: host } = await output("hostname", ["-s"]);
  const cores = navigator.hardwareConcurrency;
  const settings = {
    ClusterName: "udrlpg",
    SlurmctldHost: `${host}(127.0.0.1)`,
    SlurmUser: "root",
    SlurmctldPort: freePort(),
    SlurmdPort: freePort(),
    AuthType: "auth/munge",
    CredType: "cred/munge",
    // A job that is queued again waits until its old credential has run out, two minutes by default.
    AuthInfo: `socket=${folder}/munge.socket,cred_expire=5`,
    StateSaveLocation: `${folder}/state`,
    SlurmdSpoolDir: `${folder}/spool`,
    SlurmctldPidFile: `${folder}/slurmctld.pid`,
    SlurmdPidFile: `${folder}/slurmd.pid`,
    SlurmctldLogFile: `${folder}/slurmctld.log`,
    SlurmdLogFile: `${folder}/slurmd.log`,
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_Core",
    SchedulerParameters: "batch_sched_delay=0,sched_interval=2",
    AccountingStorageType: "accounting_storage/none",
    JobCompType: "jobcomp/none",
    ReturnToService: 2,
    SwitchType: "switch/none",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  lines.push(
    `NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cores} State=UNKNOWN`,
    `PartitionName=all Nodes=${host} Default=YES MaxTime=INFINITE State=UP`,
  );
  const path = join(folder, "slurm.conf");
  await Deno.writeTextFile(path, lines.join("\n") + "\n");
  return { SLURM_CONF: path };
}
