/**
 * What TensorBoard's HParams tab reads from an event file: which options a run has, and which numbers it is compared
 * by. Each is the content of a summary that names the plugin "hparams".
 *
 * Source: tensorboard 2.21, plugins/hparams: plugin_data.proto, api.proto (field numbers), metadata.py (tags).
 */

import { protoBytesField, protoDoubleField, protoIntField, type ProtoPieces } from "./protobuf.ts";

/** A summary of a plugin: its tag and its content. */
export interface PluginSummary {
  /** Names it among the plugin's summaries. */
  readonly tag: string;
  /** What the plugin reads. */
  readonly content: ProtoPieces;
}

/** The name of the plugin. */
export const HPARAMS_PLUGIN = "hparams";

/** A value of an option. */
export type HparamValue = string | number | boolean;

// Field numbers.
const PLUGIN_DATA = { experiment: 2, start: 3, end: 4 } as const;
const EXPERIMENT = { hparam: 4, metric: 5 } as const;
const HPARAM = { name: 1, type: 4 } as const;
const METRIC_NAME = 1;
const METRIC_TAG = 2;
const START = { hparams: 1, startTime: 5 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const VALUE = { number: 2, string: 3, bool: 4 } as const;
const END = { status: 1, endTime: 2 } as const;
const TYPES = { string: 1, boolean: 2, number: 3 } as const;
const SUCCESS = 1;

/** Makes the summaries that a run begins with. */
export function beginHparams(
  hparams: ReadonlyMap<string, HparamValue>,
  { metrics, startSeconds }: {
    /** Tags of the scalars that runs are compared by. */
    readonly metrics: readonly string[];
    /** Since 1970. */
    readonly startSeconds: number;
  },
): PluginSummary[] {
  const infos = [...hparams].flatMap(([name, value]) =>
    protoBytesField(EXPERIMENT.hparam, [
      ...protoBytesField(HPARAM.name, name),
      ...protoIntField(HPARAM.type, TYPES[typeof value as keyof typeof TYPES]),
    ])
  );
  const compared = metrics.flatMap((tag) =>
    protoBytesField(
      EXPERIMENT.metric,
      protoBytesField(METRIC_NAME, protoBytesField(METRIC_TAG, tag)),
    )
  );
  const entries = [...hparams].flatMap(([name, value]) =>
    protoBytesField(START.hparams, [
      ...protoBytesField(ENTRY.key, name),
      ...protoBytesField(ENTRY.value, valueOf(value)),
    ])
  );
  return [
    {
      tag: "_hparams_/experiment",
      content: protoBytesField(PLUGIN_DATA.experiment, [...infos, ...compared]),
    },
    {
      tag: "_hparams_/session_start_info",
      content: protoBytesField(PLUGIN_DATA.start, [
        ...entries,
        ...protoDoubleField(START.startTime, startSeconds),
      ]),
    },
  ];
}

/** Makes the summary that a run ends well with. */
export function endHparams({ endSeconds }: { readonly endSeconds: number }): PluginSummary[] {
  return [{
    tag: "_hparams_/session_end_info",
    content: protoBytesField(PLUGIN_DATA.end, [
      ...protoIntField(END.status, SUCCESS),
      ...protoDoubleField(END.endTime, endSeconds),
    ]),
  }];
}

function valueOf(value: HparamValue): ProtoPieces {
  switch (typeof value) {
    case "number":
      return protoDoubleField(VALUE.number, value);
    case "boolean":
      return protoIntField(VALUE.bool, value ? 1 : 0);
    default:
      return protoBytesField(VALUE.string, String(value));
  }
}
