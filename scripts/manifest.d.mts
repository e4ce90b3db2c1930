export function publishedText(text: string): string;
export function putPublishedManifest(root?: string): void;
export function restoreManifest(root?: string): void;
