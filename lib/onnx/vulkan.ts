/**
 * Finds out whether WebGPU can be tried at all. On Linux it goes through Vulkan, whose loader looks
 * for files that describe drivers; without one, ONNX Runtime's WebGPU provider writes warnings to
 * stderr that no setting silences, so it is not started then.
 */

import { join } from "node:path";
import { type LibraryLoader, loadLibrary } from "./cuda.ts";

/** Where the loader looks, after the folders of variables. Source: Vulkan-Loader, LoaderDriverInterface. */
const DRIVER_FOLDERS: readonly string[] = [
  "/usr/local/etc/vulkan/icd.d",
  "/etc/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
];

const LOADER_FILE = "libvulkan.so.1";

/** Where to look; what is left out is the machine's own. */
export interface VulkanSearch {
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Folders of driver descriptions. */
  readonly folders?: readonly string[];
  /** Loads a library. */
  readonly load?: LibraryLoader;
}

/** Says why Vulkan cannot work on Linux, or undefined when it may. */
export function findVulkanProblem(
  { env, folders = DRIVER_FOLDERS, load = loadLibrary }: VulkanSearch,
): string | undefined {
  const named = env("VK_DRIVER_FILES") || env("VK_ICD_FILENAMES");
  if (named) {
    const files = named.split(":").filter((file) => file !== "");
    if (!files.some(isThere)) return `the Vulkan driver ${files.join(", ")} is not there`;
  } else if (!ownFolders(env, folders).some(holdsDriver)) {
    return `no Vulkan driver is registered in ${folders.join(", ")}`;
  }
  const problem = load(LOADER_FILE);
  return problem === undefined ? undefined : `Vulkan's loader cannot be loaded: ${problem}`;
}

function ownFolders(env: VulkanSearch["env"], folders: readonly string[]): string[] {
  const home = env("HOME");
  return [...home ? [join(home, ".local", "share", "vulkan", "icd.d")] : [], ...folders];
}

function holdsDriver(folder: string): boolean {
  try {
    return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".json"));
  } catch {
    return false;
  }
}

function isThere(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}
