/** What was probably meant by a name that no option has, or a word that an option does not take. */

import { nearest } from "../system/words.ts";

/** Words that people use for a choice which is called otherwise. */
const SYNONYMS: Readonly<Record<string, string>> = {
  gpu: "cuda",
  nvidia: "cuda",
  vulkan: "webgpu",
  metal: "webgpu",
};

/**
 * Finds the option that a name probably means, by its whole name or its last word: "learning-rate", "lr"
 * and "update.learningrate" all mean "update.learningRate".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { hintForOption } from "./option_hint.ts";
 * const names = ["seed", "update.learningRate", "update.batchSize"];
 * assert.equal(hintForOption("--lr", names), "update.learningRate");
 * assert.equal(hintForOption("batch_size", names), "update.batchSize");
 * assert.equal(hintForOption("sed", names), "seed");
 * ```
 */
export function hintForOption(given: string, names: readonly string[]): string | undefined {
  return optionCalled(given, names) ?? nearest(given, names) ?? nearestBy(given, names, lastWord);
}

/** Finds the option that a name means beyond doubt: by its last word, or the first letters of that. */
export function optionCalled(given: string, names: readonly string[]): string | undefined {
  const word = plain(given);
  return names.find((name) => plain(name) === word) ??
    names.find((name) => plain(lastWord(name)) === word) ??
    names.find((name) => initials(lastWord(name)) === word);
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** Finds the choice that a word probably means. */
export function hintForChoice(given: string, choices: readonly string[]): string | undefined {
  const word = given.toLowerCase();
  const synonym = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
  return choices.find((choice) => choice === synonym) ?? nearest(given, choices);
}

function nearestBy(
  given: string,
  names: readonly string[],
  partOf: (name: string) => string,
): string | undefined {
  const hint = nearest(given.replace(/^-+/, ""), names.map(partOf));
  return names.find((name) => partOf(name) === hint);
}

/** Without what people write differently: dashes, dots, capitals. */
function plain(name: string): string {
  return name.replace(/[-_.]/g, "").toLowerCase();
}

/** "learningRate" -> "lr"; nothing for a single word. */
function initials(name: string): string | undefined {
  const capitals = name.match(/[A-Z]/g);
  return capitals ? (name[0] + capitals.join("")).toLowerCase() : undefined;
}
