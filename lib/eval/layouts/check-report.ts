/** What a check of pictures found, before a scorer has seen them: every fault, where it lies and why it is one. */

/** Scorers whose input can be checked: `CHECK_KINDS` of the schema. */
export type CheckKind = 'geneval' | 'geneval2' | 'dpg' | 'adm-npz';

/** One thing that the scorer would miscount or stumble over. */
export interface Fault {
  /** Of the file or folder, as seen from what was checked; the name of a member inside an npz; a prompt where no file is at fault. */
  readonly path: string;
  /** What is wrong, in words: "fewer pictures than 4: 3". */
  readonly reason: string;
  /** What the scorer makes of it: "skips the folder without a word". */
  readonly scorer?: string;
}

/** What a check found in one folder or file. */
export interface CheckReport {
  /** Whose input it is. */
  readonly as: CheckKind;
  /** What was checked, as the user named it. */
  readonly target: string;
  /** Prompts of the list, or what stands for them; 0 where there is no list. */
  readonly prompts: number;
  /** Pictures that the scorer would count. */
  readonly pictures: number;
  /** All of them. */
  readonly faults: readonly Fault[];
  /** What is no fault and worth knowing: "no --prompts: whether one is missing cannot be told". */
  readonly warnings: readonly string[];
}
