/** What the installed ONNX Runtime is and where it could run: for `udrlpg doctor`. */

/** The runtime's version and its execution providers. */
export interface RuntimeDescription {
  /** Version of the package. */
  readonly version: string;
  /** Names of the providers that the package brings, such as "cpu" and "webgpu". */
  readonly backends: readonly string[];
}

/**
 * Loads ONNX Runtime and asks it.
 * @throws {Error} when the native library cannot be loaded.
 */
export async function describeRuntime(): Promise<RuntimeDescription> {
  const ort = await import("onnxruntime-node");
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    backends: ort.listSupportedBackends().filter(({ bundled }) => bundled).map(({ name }) => name),
  };
}
