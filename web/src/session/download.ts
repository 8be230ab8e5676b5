/** Hand a text to the person as a file. */
export function download(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // Chromium reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** The name of a pipeline's file, without what some system takes for a part of a path. */
export const fileNameOf = (name: string): string => `${name.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, "-").slice(0, 100).trim() || "pipeline"}.yaml`;
