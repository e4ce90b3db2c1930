/** The learning rate of each step, and how many steps a run has. */
import type { TrainingConfig } from '../config/train.js';

/**
 * Learning rate of step `step`, from 0, of a run of `steps`: rises linearly over warmupSteps, then stays, or falls
 * along a half cosine or a line to finalShare of its value.
 */
export function learningRate(config: TrainingConfig, step: number, steps: number): number {
  const { lr } = config.optimizer;
  const { kind, warmupSteps, finalShare } = config.schedule;
  if (step < warmupSteps) return (lr * (step + 1)) / warmupSteps;
  if (kind === 'constant') return lr;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  const remaining = kind === 'cosine' ? (1 + Math.cos(Math.PI * progress)) / 2 : 1 - progress;
  return lr * (finalShare + (1 - finalShare) * remaining);
}

/** Optimiser steps of the whole run over a dataset of `items`. */
export function totalSteps(config: TrainingConfig, items: number): number {
  if (config.steps !== undefined) return config.steps;
  return Math.max(1, Math.ceil(((config.epochs ?? 1) * items) / config.batch.global));
}
