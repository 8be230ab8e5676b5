/** Keys for what this window shows. */
import { useReactFlow } from "@xyflow/react";
import { useRoom, useUndo } from "pipeloom-client/react";
import { useMemo } from "react";
import { useLocation } from "wouter";
import { isEmbedded } from "../../session/parent";
import { rest } from "../../session/rest";
import { FIT } from "../canvas/measures";
import { useGetEditor, useSetEditor } from "../state";
import { usePlace } from "../topbar/place";
import { kindOf, titleOf, wordsOf } from "../topbar/savedWords";
import { useAttempt, useExport } from "../topbar/useExport";
import { motion } from "../useCommands";
import type { Handlers } from "./handlers";
import { jump } from "./regions";
import { useTogglePanels } from "./useTogglePanels";

const ZOOM_MS = 160;

type ViewCommand = "help" | "save" | "undo" | "redo" | "exportYaml" | "open" | "create" | "graph" | "code" | "split" | "panels" | "nextRegion" | "previousRegion" | "zoomIn" | "zoomOut" | "fit";

export function useViewKeys(): Pick<Handlers, ViewCommand> {
  const { undo, redo } = useUndo();
  const flow = useReactFlow();
  const set = useSetEditor();
  const save = useSave();
  const panels = useTogglePanels();
  const exportYaml = useExport();
  const others = useOtherPipelines();
  return useMemo(() => {
    const duration = motion(ZOOM_MS);
    return {
      ...others,
      help: () => set({ isHelpOpen: true }),
      save,
      undo,
      redo,
      exportYaml,
      panels,
      graph: () => set({ view: "graph", history: null }),
      code: () => set({ view: "code", history: null }),
      split: () => set({ view: "split", history: null }),
      nextRegion: () => jump(1),
      previousRegion: () => jump(-1),
      zoomIn: () => void flow.zoomIn({ duration }),
      zoomOut: () => void flow.zoomOut({ duration }),
      fit: () => void flow.fitView({ ...FIT, duration }),
    };
  }, [others, undo, redo, flow, set, save, panels, exportYaml]);
}

/** Everything is saved at once, so the key says so; a text that is edited as code it applies. */
function useSave(): () => void {
  const room = useRoom();
  const get = useGetEditor();
  const set = useSetEditor();
  return () => {
    const { applyCode } = get();
    if (applyCode !== null) return applyCode();
    const saved = room.saved();
    const kind = kindOf(saved);
    const state = document.querySelector("[data-saved]")?.getBoundingClientRect();
    const message = kind === "saved" ? "Everything is saved, with every edit" : `${wordsOf(kind, saved)}: ${titleOf(kind, saved)}`;
    set({ note: { message, at: state ? { x: state.x, y: state.bottom } : null } });
  };
}

/** Not in a frame: the page around it decides which pipeline is shown. */
function useOtherPipelines(): Pick<Handlers, "open" | "create"> {
  const [, navigate] = useLocation();
  const attempt = useAttempt();
  const place = usePlace();
  return useMemo(() => {
    if (isEmbedded) return { open: () => false, create: () => false };
    const make = async (): Promise<void> => {
      if (place?.team === undefined) return;
      const { id } = await rest.pipelines.create({ team_id: place.team.id, name: "Untitled pipeline" });
      navigate(`/pipelines/${id}`);
    };
    return { open: () => navigate("/home"), create: () => attempt(make) };
  }, [navigate, attempt, place]);
}
