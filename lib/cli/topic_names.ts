/** The help topics by name; apart from their texts, because the root help needs the names alone. */

/** One line on each help topic. */
export const TOPIC_PURPOSES = {
  method: "How a generator of policies is trained",
  algorithms: "What --algorithm trains, and what answers a return then",
  presets: "Presets, configuration files and which value wins",
  sweeps: "Sweep files, and how their runs are named",
  environments: "Environments of your own, in any language",
  files: "What a run folder and a policy file hold",
  "exit-codes": "What the exit codes mean",
  variables: "The environment variables that the program reads",
} as const;

/** The name of a help topic. */
export type TopicName = keyof typeof TOPIC_PURPOSES;
