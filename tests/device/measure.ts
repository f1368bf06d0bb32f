/**
 * What tests/device/run.sh runs: checks and measures every device that is usable and writes one JSON
 * document, again after each part, so that a run that is cut off leaves what it had.
 *
 *     deno run -A tests/device/measure.ts --out FILE [--quick] [--minutes N]
 *
 * What is missing is told with its reason and is no failure. Exit code 1: a device that is there computes
 * something else than the CPU, or a part broke. Folder of the CUDA provider: UDRLPG_CUDA_PATH.
 */

import { parseArgs } from "node:util";
import { deviceProbes } from "../../lib/onnx/devices.ts";
import { CUDA_WAYS } from "../../lib/learner/updater.ts";
import type { Device } from "../../lib/onnx/session.ts";
import { readVersions } from "../../lib/system/version.ts";
import {
  compareWithCpu,
  type Comparison,
  type TimedCase,
  timeUpdates,
  tooLarge,
  type UpdateTiming,
} from "./device_updates.ts";
import {
  describeMachine,
  type FloorReport,
  type MachineReport,
  measureFloor,
  type PeerReport,
  timePeer,
} from "./surroundings.ts";
import { type TrainedOn, type TrainingRun, trainOn } from "./train_on.ts";

const ROOT = new URL("../../", import.meta.url);

/** What is measured, and for how long. */
export interface Plan {
  readonly compared: readonly {
    readonly sizes: readonly number[];
    readonly loss: "weights" | "both";
  }[];
  readonly timed: readonly TimedCase[];
  /** For each case and device. */
  readonly seconds: number;
  /** No case is begun after so many. */
  readonly limitSeconds: number;
  /** Whole runs on every device, and further words for each. */
  readonly training: readonly TrainingRun[];
  /** Updates of each of PyTorch's kinds. */
  readonly peerUpdates: number;
}

/** Something that was left out. */
export interface Missing {
  readonly missing: string;
}

/** The document. */
export interface DeviceReport {
  readonly commit: string;
  readonly machine: MachineReport;
  /** "usable", or why not. */
  readonly devices: Readonly<Record<Device, string>>;
  readonly equality: (Comparison | (Missing & { readonly device: Device }))[];
  readonly updates:
    (UpdateTiming | (Missing & { readonly device: Device; readonly case: string }))[];
  /** PyTorch on the GPU, by policy and batch. */
  readonly peers: (PeerReport | Missing)[];
  /** What the GPU itself can do. */
  readonly floor: FloorReport | Missing;
  readonly training: (TrainedOn | (Missing & { readonly device: Device }))[];
  readonly failures: string[];
}

const policyOf = (width: number) => [11, width, width, 3];
const REFERENCE: TimedCase = { sizes: policyOf(256), batch: 24, updatesPerRun: 8 };

/** Everything, within about eight minutes; the most wanted comes first. */
export const FULL: Plan = {
  compared: [
    { sizes: [3, 32, 32, 1], loss: "both" },
    { sizes: policyOf(256), loss: "weights" },
  ],
  timed: [
    REFERENCE,
    ...CUDA_WAYS.slice(1).map((way) => ({ ...REFERENCE, way })),
    ...[1, 32].map((updatesPerRun) => ({ ...REFERENCE, updatesPerRun })),
    ...[32, 64, 128, 512, 1024].map((width) => ({ ...REFERENCE, sizes: policyOf(width) })),
    ...[128, 512].flatMap((batch) =>
      [64, 128, 256, 512, 1024].map((width) => ({
        sizes: policyOf(width),
        batch,
        updatesPerRun: 8,
      }))
    ),
  ],
  seconds: 0.5,
  limitSeconds: 480,
  training: [{ env: "CartPole-v1", steps: 50_000 }, { env: "Swimmer-v5", steps: 40_000 }],
  peerUpdates: 30,
};

/** The same parts, as little of each as there can be. */
export const QUICK: Plan = {
  compared: [{ sizes: [3, 32, 32, 1], loss: "both" }],
  timed: [
    { sizes: [4, 32, 32, 1], batch: 4, updatesPerRun: 2 },
    { sizes: policyOf(1024), batch: 512, updatesPerRun: 8 },
  ],
  seconds: 0,
  limitSeconds: 60,
  training: [{
    env: "CartPole-v1",
    steps: 3000,
    words: [
      "generator.hiddenSizes=16",
      "update.perCycle=1",
      "consolidation.updates=2",
      "reports.evaluations=1",
      "calibration.budgetShare=0.25",
    ].map((setting) => `--set=${setting}`),
  }],
  peerUpdates: 1,
};

/** Carries a plan out; `save` is called with the document after each part. */
export async function measureDevices(
  plan: Plan,
  { save, env }: {
    readonly save: (report: DeviceReport) => void;
    readonly env: (name: string) => string | undefined;
  },
): Promise<DeviceReport> {
  const cudaPath = env("UDRLPG_CUDA_PATH") || undefined;
  const probes = deviceProbes({ cudaPath, isThorough: true, env });
  const cuda = await probes.cuda(); // first: its libraries must be found before ONNX Runtime loads
  const devices = {
    cuda: cuda ?? "usable",
    webgpu: await probes.webgpu() ?? "usable",
    cpu: "usable",
  };
  const report: { -readonly [K in keyof DeviceReport]: DeviceReport[K] } = {
    commit: readVersions().commit,
    machine: await describeMachine(),
    devices,
    equality: [],
    updates: [],
    peers: [],
    floor: { missing: "no time was left" },
    training: [],
    failures: [],
  };
  const start = performance.now();
  const names = Object.keys(devices) as Device[];
  /** Runs a part; gives what is missing, or undefined after a failure. */
  const attempt = async <T>(
    what: string,
    { device, work }: { readonly device: Device; readonly work: () => Promise<T> },
  ): Promise<T | Missing> => {
    if (devices[device] !== "usable") return { missing: `${device} is not usable` };
    if (performance.now() - start > 1000 * plan.limitSeconds) {
      return { missing: "no time was left" };
    }
    try {
      return await work();
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0];
      report.failures.push(`${what} on ${device}: ${reason}`);
      return { missing: `it failed: ${reason}` };
    } finally {
      save(report);
    }
  };
  for (const device of names.filter((name) => name !== "cpu")) {
    const ways = device === "cuda" ? CUDA_WAYS.map((way) => ({ way })) : [{}];
    for (const subject of plan.compared.flatMap((one) => ways.map((way) => ({ ...one, ...way })))) {
      const work = () => compareWithCpu(device, { ...subject, hiddenSizes: [64, 64] });
      const result = await attempt("equality", { device, work });
      report.equality.push({ device, ...result });
      if ("ok" in result && !result.ok) {
        const { policy, differences } = result;
        report.failures.push(
          `equality of ${policy} on ${device}: must be within 1e-4, got ${
            JSON.stringify(differences)
          }`,
        );
      }
    }
  }
  // Nothing is timed yet: runs and PyTorch's compiling, which it keeps on the disk, go on side by side.
  const cases = distinctCases(plan.timed);
  const compiling = devices.cuda === "usable"
    ? cases.map((subject) => timePeer(subject, { updates: 1, root: ROOT }))
    : [];
  report.training.push(
    ...await Promise.all(names.flatMap((device) =>
      plan.training.map(async (run) => {
        const work = () => trainOn(device, run, { root: ROOT });
        return { device, ...await attempt("training", { device, work }) };
      })
    )),
  );
  await Promise.all(compiling);
  report.floor = await attempt("PyTorch", { device: "cuda", work: () => measureFloor(ROOT) });
  // A policy and batch after another, so that a run that is cut off has something to compare.
  for (const subject of plan.timed) {
    for (const device of subject.way ? ["cuda"] as const : names) {
      // On the CPU a run is one update, whatever is asked for.
      const timed = device === "cpu" ? { ...subject, updatesPerRun: 1 } : subject;
      if (device === "cpu" && !cases.includes(subject)) continue;
      const name = `${
        subject.sizes.join("-")
      }, batch ${subject.batch}, ${timed.updatesPerRun} a run${
        subject.way ? `, ${subject.way}` : ""
      }`;
      const reason = tooLarge(subject);
      const work = () => timeUpdates(timed, { device, seconds: plan.seconds });
      const result = reason === undefined
        ? await attempt(`update ${name}`, { device, work })
        : { missing: reason };
      report.updates.push("missing" in result ? { device, case: name, ...result } : result);
    }
    if (!cases.includes(subject)) continue;
    const work = () => timePeer(subject, { updates: plan.peerUpdates, root: ROOT });
    report.peers.push(await attempt("PyTorch", { device: "cuda", work }));
  }
  save(report);
  return report;
}

/** The first of those that differ in the updates of a run alone, which PyTorch does not have. */
function distinctCases(cases: readonly TimedCase[]): TimedCase[] {
  const name = ({ sizes, batch }: TimedCase) => `${sizes} ${batch}`;
  return cases.filter((one, i) => cases.findIndex((other) => name(other) === name(one)) === i);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: "device.json" },
      quick: { type: "boolean", default: false },
      minutes: { type: "string" },
    },
  });
  const plan = values.quick ? QUICK : FULL;
  const minutes = Number(values.minutes ?? plan.limitSeconds / 60);
  if (!(minutes > 0)) {
    throw new RangeError(`--minutes must be a number above 0, got ${values.minutes}`);
  }
  const report = await measureDevices({ ...plan, limitSeconds: 60 * minutes }, {
    env: (name) => Deno.env.get(name),
    save: (document) =>
      Deno.writeTextFileSync(values.out, `${JSON.stringify(document, null, 2)}\n`),
  });
  for (const failure of report.failures) {
    Deno.stderr.writeSync(new TextEncoder().encode(`FAIL ${failure}\n`));
  }
  Deno.exitCode = report.failures.length > 0 ? 1 : 0;
}
