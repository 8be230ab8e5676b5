/** The server's own canvas in a frame of this page. */
import { type ComponentProps, type ReactNode, useEffect, useRef } from "react";

export interface PipelineFrameProps extends Omit<ComponentProps<"iframe">, "src"> {
  /** The server: `https://pipeloom.example`. It must list this page's origin in `PIPELOOM_FRAME_ANCESTORS`. */
  readonly url: string;
  readonly pipeline: string;
  /** Asked when the frame needs a token, and again whenever one has expired; null while there is none. */
  readonly token: () => string | null | Promise<string | null>;
}

/** Give it a size by `style` or `className`; a frame has none of its own. */
export function PipelineFrame({ url, pipeline, token, title = "Pipeline", ...rest }: PipelineFrameProps): ReactNode {
  const frame = useRef<HTMLIFrameElement>(null);
  const latest = useRef(token);
  latest.current = token;
  const { origin } = new URL(url, location.href);
  useEffect(() => {
    const answer = async ({ source, origin: from, data }: MessageEvent): Promise<void> => {
      const inside = frame.current?.contentWindow;
      if (from !== origin || source !== inside || !inside || data?.type !== "pipeloom.token-wanted") return;
      const given = await latest.current();
      // To this origin alone: the frame may have gone elsewhere meanwhile.
      if (given !== null) inside.postMessage({ type: "pipeloom.token", token: given }, origin);
    };
    const listener = (event: MessageEvent): void => void answer(event);
    addEventListener("message", listener);
    return () => removeEventListener("message", listener);
  }, [origin]);
  return <iframe ref={frame} title={title} {...rest} src={`${origin}/embed/pipelines/${encodeURIComponent(pipeline)}`} allow="clipboard-read; clipboard-write" />;
}
