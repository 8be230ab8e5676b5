/** Tidies beside the page, which stays responsive meanwhile. */
import type { Connection } from "pipeloom-client";
import type { Scene } from "./scene";
import { type Cases, type Places, tidied } from "./tidy";

export interface TidyRequest {
  readonly scene: Scene;
  readonly connections: readonly Connection[];
  readonly chosen: readonly string[];
  readonly cases: Cases;
}

export type TidyAnswer = { readonly places: Places } | { readonly error: string };

addEventListener("message", ({ data }: MessageEvent<TidyRequest>) => {
  let answer: TidyAnswer;
  try {
    answer = { places: tidied(data.scene, data.connections, data.chosen, data.cases) };
  } catch (error) {
    answer = { error: String(error) };
  }
  postMessage(answer);
});
