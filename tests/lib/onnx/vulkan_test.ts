import assert from "node:assert/strict";
import { join } from "node:path";
import { findVulkanProblem } from "../../../lib/onnx/vulkan.ts";

const load = () => undefined;

Deno.test("findVulkanProblem() finds drivers in folders, in the home folder and in variables", async () => {
  const home = await Deno.makeTempDir();
  try {
    const folder = join(home, ".local", "share", "vulkan", "icd.d");
    const none = (variables: Record<string, string>) =>
      findVulkanProblem({ env: (name) => variables[name], folders: ["/nowhere"], load });
    assert.equal(none({}), "no Vulkan driver is registered in /nowhere");
    assert.equal(none({ HOME: home }), "no Vulkan driver is registered in /nowhere");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "readme.txt"), "");
    assert.equal(none({ HOME: home }), "no Vulkan driver is registered in /nowhere");
    const driver = join(folder, "driver.json");
    assert.equal(
      none({ VK_ICD_FILENAMES: driver }),
      `the Vulkan driver ${driver} is not there`,
    );
    await Deno.writeTextFile(driver, "{}");
    assert.equal(none({ HOME: home }), undefined);
    assert.equal(none({ VK_ICD_FILENAMES: `/none.json:${driver}` }), undefined);
    assert.equal(none({ VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: "/none.json" }), undefined);
    const options = { env: () => driver, load: () => "libvulkan.so.1: not there" };
    assert.equal(
      findVulkanProblem(options),
      "Vulkan's loader cannot be loaded: libvulkan.so.1: not there",
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
