// Circles of a directed graph.

/**
 * Of every circle of `arrows` (node -> nodes) one way round, from a node back to it; nothing where there are none.
 * Of circles that share nodes, one is given.
 */
export function circlesOf(arrows) {
  const circles = [];
  const state = new Map();
  const path = [];
  const visit = (node) => {
    state.set(node, 'open');
    path.push(node);
    for (const next of arrows.get(node) ?? []) {
      if (state.get(next) === 'open') circles.push([...path.slice(path.indexOf(next)), next]);
      else if (!state.has(next)) visit(next);
    }
    path.pop();
    state.set(node, 'done');
  };
  for (const node of arrows.keys()) if (!state.has(node)) visit(node);
  return circles;
}
