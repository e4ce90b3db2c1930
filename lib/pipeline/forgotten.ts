/** Pipelines that nobody disposed of: their models are freed when they are collected, and the first one is told. */
import type { Engine } from '../engine.js';

let warned = false;

const registry = new FinalizationRegistry<Engine>((engine) => {
  void engine.dispose();
  if (warned) return;
  warned = true;
  process.emitWarning('A pipeline was collected without dispose(); its models were kept until now.', {
    type: 'SvgT2IWarning',
    code: 'SVGT2I_NOT_DISPOSED',
    detail: 'Call `await pipe.dispose()`, or declare it with `await using`.',
  });
});

/** Holds the engine, but not its owner. */
export function disposeWhenForgotten(owner: object, engine: Engine): void {
  registry.register(owner, engine, owner);
}

/** Call it when the owner was disposed of. */
export function isNotForgotten(owner: object): void {
  registry.unregister(owner);
}
