/** What a benchmark is to be drawn as: its prompts, and which picture of them goes to which file. */

/** A prompt of a benchmark, as its scorer knows it and as it is drawn. */
export interface BenchmarkPrompt {
  /** As the scorer knows it. */
  readonly prompt: string;
  /** What is drawn: the prompt, or what another made of it. */
  readonly drawn: string;
  /** Under which its pictures stand in a report: the task, the number of atoms; empty where prompts have none. */
  readonly category: string;
  /** Where it stands, for messages: "prompts.jsonl:7". */
  readonly where: string;
}

/** One file of pictures. Paths are those below the folder of the scorer, with slashes. */
export interface PictureFile {
  readonly path: string;
  /** Numbers of the pictures in it: all of the first prompt, then all of the second. More than one make a grid of two columns. */
  readonly pictures: readonly number[];
}

/** A file of text that the scorer wants beside the pictures. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** A scorer's folder, before it is there. */
export interface LayoutPlan {
  readonly pictures: readonly PictureFile[];
  /** Written before anything is drawn. */
  readonly texts: readonly TextFile[];
  /** Written once all pictures are there: with them the scorer could begin. */
  readonly lastTexts: readonly TextFile[];
}

/** A number of a folder or file in five digits, as the scorers' own scripts write it. */
export function fiveDigits(index: number): string {
  return String(index).padStart(5, '0');
}
