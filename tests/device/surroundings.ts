/** The machine that devices are measured on, and PyTorch on the same GPU. */

import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { TimedCase } from "./device_updates.ts";

/** What numbers were measured on. */
export interface MachineReport {
  readonly cpu: string;
  readonly threads: number;
  /** Name and driver by nvidia-smi; why there is none. */
  readonly gpu: string;
}

/** What tests/device/peer_gpu.py prints. */
export interface PeerReport {
  /** PyTorch's version. */
  readonly torch: string;
  readonly policy: string;
  readonly batch: number;
  /** Times, or why there are none, by kind: eager, fused, graph (captured), compiled. */
  readonly updateMilliseconds: Readonly<Record<string, unknown>>;
}

/** The GPU's own rates, as tests/device/peer_gpu.py measures them. */
export interface FloorReport {
  readonly torch: string;
  readonly rates: Readonly<Record<string, number>>;
}

/** Describes the machine. */
export async function describeMachine(): Promise<MachineReport> {
  const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  const { code, stdout, stderr } = await runProgram("nvidia-smi", query);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    threads: navigator.hardwareConcurrency,
    gpu: code === 0 ? stdout.trim() : `none: ${firstLine(stderr)}`,
  };
}

/** Times PyTorch's updates of the same sizes on the GPU, where PyTorch is there. */
export function timePeer(
  { sizes, batch }: Pick<TimedCase, "sizes" | "batch">,
  { updates, root }: { readonly updates: number; readonly root: URL },
): Promise<PeerReport | { readonly missing: string }> {
  const words = [`--policy=${sizes.join("-")}`, `--batch=${batch}`, `--updates=${updates}`];
  return runPeer<PeerReport>(root, words);
}

/** Measures what the GPU itself can do, where PyTorch is there. */
export function measureFloor(root: URL): Promise<FloorReport | { readonly missing: string }> {
  return runPeer<FloorReport>(root, ["--rates"]);
}

async function runPeer<T>(
  root: URL,
  words: readonly string[],
): Promise<T | { readonly missing: string }> {
  const script = fileURLToPath(new URL("tests/device/peer_gpu.py", root));
  const { code, stdout, stderr } = await runProgram("python3", [script, ...words]);
  return code === 0 ? JSON.parse(stdout) : { missing: stderr.trim().split("\n").at(-1)! };
}

/** A program's exit code and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; one that is not there ends with code 127. */
export async function runProgram(program: string, args: readonly string[]): Promise<Ended> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
    const [out, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, stdout: out, stderr: problems };
  } catch (error) {
    return { code: 127, stdout: "", stderr: (error as Error).message };
  }
}

/** The first line of a text. */
export function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}
