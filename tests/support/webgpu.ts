/** Tests of the real WebGPU provider, on a GPU if there is one and on SwiftShader otherwise. */

/** Where Debian's package chromium keeps the description of SwiftShader, Vulkan on the CPU. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** What the provider loads to reach any Vulkan, from Debian's package libvulkan1. */
const LOADER = "libvulkan.so.1";

const isThere = (() => {
  try {
    Deno.dlopen(LOADER, {}).close();
    return Deno.statSync(SWIFTSHADER).isFile;
  } catch {
    return false;
  }
})();

/** Registers a test that runs where SwiftShader is installed; its name says why it is ignored. */
export function webgpuTest(name: string, test: () => Promise<void>): void {
  const note = isThere
    ? ""
    : " (ignored: SwiftShader or its loader is missing, Debian's packages chromium and libvulkan1)";
  Deno.test(name + note, { ignore: !isThere }, async () => {
    if (!Deno.env.get("VK_ICD_FILENAMES")) Deno.env.set("VK_ICD_FILENAMES", SWIFTSHADER);
    await test();
  });
}
