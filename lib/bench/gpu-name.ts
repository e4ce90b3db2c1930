/** What the driver calls a GPU, so that numbers name the card that they are of. */
import { spawnSync } from 'node:child_process';

/** Of "cuda" or "cuda:N"; the device itself where the driver does not tell. */
export function gpuName(device: string): string {
  const index = device.split(':')[1] ?? '0';
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader', `--id=${index}`];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  const [name, driver] = status === 0 ? stdout.trim().split(', ') : [];
  return name === undefined || driver === undefined ? device : `${name} (driver ${driver})`;
}
