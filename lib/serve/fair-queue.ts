/**
 * Whose picture is next: clients take turns, and each one's pictures come in the order of its requests. Pictures run
 * together while their image tokens fit; one always runs. The next in line is never passed by a smaller one, so that
 * large pictures come to their turn.
 */

/** A picture that is to be drawn. */
export interface Task<Owner> {
  readonly owner: Owner;
  readonly client: string;
  /** Image tokens. */
  readonly tokens: number;
  /** Draws it; settles when it has left the engine, and never rejects. */
  readonly run: () => Promise<void>;
}

export interface QueueLimits {
  /** Image tokens that run together. */
  readonly maxTokens: number;
  /** Pictures that run together. */
  readonly maxTasks: number;
}

export class FairQueue<Owner> {
  readonly #limits: QueueLimits;
  readonly #onChange: () => void;
  /** In the order of their turns. */
  readonly #lines = new Map<string, Task<Owner>[]>();
  #running = 0;
  #tokens = 0;
  #closed = false;

  /** `onChange` is called when tasks have come, begun or left. */
  constructor(limits: QueueLimits, onChange: () => void) {
    this.#limits = limits;
    this.#onChange = onChange;
  }

  get running(): number {
    return this.#running;
  }

  /** Image tokens that run. */
  get tokens(): number {
    return this.#tokens;
  }

  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0);
  }

  /** Whether a task of so many tokens would begin at once. */
  hasRoomFor(tokens: number): boolean {
    return this.#lines.size === 0 && this.#fits(tokens);
  }

  add(tasks: readonly Task<Owner>[]): void {
    for (const task of tasks) {
      const line = this.#lines.get(task.client);
      if (line === undefined) this.#lines.set(task.client, [task]);
      else line.push(task);
    }
    this.#dispatch();
  }

  /** Takes an owner's waiting tasks out. */
  remove(owner: Owner): void {
    for (const [client, line] of this.#lines) {
      const left = line.filter((task) => task.owner !== owner);
      if (left.length === 0) this.#lines.delete(client);
      else this.#lines.set(client, left);
    }
    this.#dispatch();
  }

  /** Nothing begins any more. */
  close(): void {
    this.#closed = true;
  }

  /** Those that wait, as their turns would come. */
  *inOrder(): Generator<Task<Owner>, void> {
    const lines = [...this.#lines.values()];
    const longest = Math.max(0, ...lines.map((line) => line.length));
    for (let turn = 0; turn < longest; turn++) {
      for (const line of lines) {
        const task = line[turn];
        if (task !== undefined) yield task;
      }
    }
  }

  #dispatch(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#start(next);
    this.#onChange();
  }

  #next(): Task<Owner> | undefined {
    if (this.#closed) return undefined;
    const [first] = this.#lines;
    if (first === undefined) return undefined;
    const [client, [task, ...left]] = first;
    if (task === undefined || !this.#fits(task.tokens)) return undefined;
    // Behind the others: their turn comes first.
    this.#lines.delete(client);
    if (left.length > 0) this.#lines.set(client, left);
    return task;
  }

  #fits(tokens: number): boolean {
    const { maxTokens, maxTasks } = this.#limits;
    return this.#running === 0 || (this.#running < maxTasks && this.#tokens + tokens <= maxTokens);
  }

  #start(task: Task<Owner>): void {
    this.#running++;
    this.#tokens += task.tokens;
    void task.run().finally(() => {
      this.#running--;
      this.#tokens -= task.tokens;
      this.#dispatch();
    });
  }
}
