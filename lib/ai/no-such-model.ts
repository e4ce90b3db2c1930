/** What the AI SDK expects of a provider that is asked for a kind of model which it has not. */
export class NoSuchModelError extends Error {
  readonly modelId: string;
  readonly modelType: string;

  constructor(modelId: string, modelType: string) {
    super(`svg-t2i has no ${modelType} "${modelId}": it draws pictures`);
    this.name = 'AI_NoSuchModelError';
    this.modelId = modelId;
    this.modelType = modelType;
    for (const marker of ['vercel.ai.error', 'vercel.ai.error.AI_NoSuchModelError']) {
      Object.defineProperty(this, Symbol.for(marker), { value: true });
    }
  }
}
