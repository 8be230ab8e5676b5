/** Tidies all steps, or those that are selected, as one edit. */
import { useReactFlow } from "@xyflow/react";
import { casesOf, moveSteps } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useCallback, useRef, useState } from "react";
import { motion, useCommands } from "../useCommands";
import { useCanvasStore } from "./canvasState";
import { FIT } from "./measures";
import { documentScene, settleAfter } from "./structure";
import type { Places } from "./tidy";
import type { TidyAnswer, TidyRequest } from "./tidyWorker";

const MOVE_MS = 240;

export function useTidy(): { readonly tidy: () => void; readonly isBusy: boolean } {
  const room = useRoom();
  const flow = useReactFlow();
  const store = useCanvasStore();
  const { check } = useCommands();
  const [selected] = useSelection();
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);
  const tidy = useCallback(async () => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    const { pipeline } = room;
    const chosen = selected.length > 1 ? selected : [];
    const scene = documentScene(pipeline);
    const switches = [...scene.frames.keys()].filter((id) => scene.items.get(id)?.type === "switch");
    const cases = new Map(switches.map((id) => [id, casesOf(pipeline, id)]));
    try {
      const places = await ask({ scene, connections: [...pipeline.connections().values()], chosen, cases });
      store.set({ isTidying: true });
      // Others may have moved or removed some meanwhile.
      const there = Object.entries(places).filter(([id]) => pipeline.steps().get(id)?.parent_step_id === scene.items.get(id)?.parent);
      let isDone = false;
      const moves = there.map(([id, position]) => ({ id, position }));
      settleAfter(pipeline, moves, () => (isDone = check(moveSteps(pipeline, Object.fromEntries(there)))));
      if (isDone && chosen.length === 0) {
        await new Promise(requestAnimationFrame);
        void flow.fitView({ ...FIT, duration: motion(MOVE_MS) });
      }
      setTimeout(() => store.set({ isTidying: false }), MOVE_MS);
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, [room, flow, store, check, selected]);
  return { tidy: () => void tidy(), isBusy };
}

function ask(request: TidyRequest): Promise<Places> {
  const worker = new Worker(new URL("./tidyWorker.ts", import.meta.url), { type: "module" });
  return new Promise<Places>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<TidyAnswer>) => ("places" in data ? resolve(data.places) : reject(new Error(data.error)));
    worker.onerror = () => reject(new Error("The layout could not be loaded: reload the page."));
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}
