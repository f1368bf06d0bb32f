import assert from "node:assert/strict";
import {
  chooseDevice,
  type DeviceProbe,
  type DeviceProbes,
  deviceProbes,
  shortenRuntimeError,
  tryDevice,
  type WantedDevice,
  WORTH_CUDA,
} from "../../../lib/onnx/devices.ts";

const works: DeviceProbe = () => Promise.resolve(undefined);
const fails = (problem: string): DeviceProbe => () => Promise.resolve(problem);
const never: DeviceProbe = () => Promise.reject(new Error("this device need not be tried"));

/** Chooses for updates that are large enough for CUDA. */
const choose = (wanted: WantedDevice, probes: DeviceProbes) =>
  chooseDevice(wanted, { probes, multiplyAdds: () => WORTH_CUDA });

Deno.test("chooseDevice() takes the CPU under auto where updates are small, and cuda if asked to", async () => {
  const probes = { cuda: works, webgpu: never };
  const multiplyAdds = () => WORTH_CUDA - 1;
  assert.deepEqual(
    await chooseDevice("auto", { probes: { cuda: never, webgpu: never }, multiplyAdds }),
    {
      device: "cpu",
      line: "Device: cpu (updates are too small for cuda; webgpu: used only when asked for)",
    },
  );
  assert.equal((await chooseDevice("cuda", { probes, multiplyAdds })).device, "cuda");
});

Deno.test("chooseDevice() falls back under auto alone, and says why", async () => {
  const broken: DeviceProbes = {
    cuda: fails("cuDNN: libcudnn.so.9 is not there"),
    webgpu: never,
  };
  assert.deepEqual(await choose("auto", broken), {
    device: "cpu",
    line: "Device: cpu (cuda: cuDNN: libcudnn.so.9 is not there; webgpu: used only when asked for)",
  });
  await assert.rejects(choose("cuda", broken), {
    name: "UsageError",
    message: 'Cannot use device "cuda": it must work here, got cuDNN: libcudnn.so.9 is not there' +
      ": see udrlpg doctor",
  });
  await assert.rejects(choose("webgpu", { cuda: never, webgpu: fails("No adapters") }), {
    name: "UsageError",
    message: 'Cannot use device "webgpu": it must work here, got No adapters: see udrlpg doctor',
  });
});

Deno.test("chooseDevice() tries nothing but what was asked for", async () => {
  const line = (device: string) => `Device: ${device}, as asked for`;
  assert.deepEqual(await choose("cpu", { cuda: never, webgpu: never }), {
    device: "cpu",
    line: line("cpu"),
  });
  assert.deepEqual(await choose("cuda", { cuda: works, webgpu: never }), {
    device: "cuda",
    line: line("cuda"),
  });
  assert.deepEqual(await choose("webgpu", { cuda: never, webgpu: works }), {
    device: "webgpu",
    line: line("webgpu"),
  });
  assert.deepEqual(await choose("auto", { cuda: works, webgpu: never }), {
    device: "cuda",
    line: "Device: cuda (webgpu: used only when asked for)",
  });
});

Deno.test("tryDevice() computes on the CPU and tells what is wrong with a device", async () => {
  assert.equal(await tryDevice("cpu"), undefined);
  const folder = await Deno.makeTempDir(); // It holds no provider.
  try {
    const problem = await deviceProbes({ cudaPath: folder, isThorough: true, env: () => "" })
      .cuda();
    // On a machine with CUDA and the provider beside ONNX Runtime nothing is wrong.
    if (problem !== undefined) assert.match(problem, /^[^\n]+$/);
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("shortenRuntimeError() keeps what went wrong and leaves out where", () => {
  // As ONNX Runtime 1.30 says it where CUDA's libraries are there and the driver is not.
  const message =
    "Cannot load model: ONNX Runtime must accept it, got /src/core/providers/cuda/cuda_call.cc:154 " +
    "CudaCall(ERRTYPE, int) [with ERRTYPE = cudaError] CUDA failure 35: CUDA driver version is " +
    "insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; expr=cudaSetDevice(id);\nmore";
  assert.equal(
    shortenRuntimeError(message),
    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
  );
  assert.equal(
    shortenRuntimeError("/src/a.cc:12 Start(int) adapter was false. No adapters\nmore"),
    "No adapters",
  );
});
