/** How DPG-Bench's scorer knows which prompt a picture is of. */

/** A picture's name up to the first dot; of a path under either slash. Source: ELLA, dpg_bench/compute_dpg_bench.py. */
export function dpgId(path: string): string {
  const name = path.split(/[/\\]/).at(-1) ?? '';
  return name.split('.', 1)[0] ?? '';
}
