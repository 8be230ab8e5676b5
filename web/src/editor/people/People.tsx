/** What is announced of the others: who comes and who leaves, for those who see no avatars. */
import { useOthers } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef, useState } from "react";

export default function People(): ReactNode {
  const present = useOthers((others) => [...new Set(others.map(({ user }) => user.name))].sort().join("\n"));
  const former = useRef(present);
  const [news, setNews] = useState("");
  useEffect(() => {
    const [before, now] = [former.current, present].map((each) => each.split("\n").filter(Boolean));
    former.current = present;
    const came = now?.filter((name) => !before?.includes(name)) ?? [];
    const left = before?.filter((name) => !now?.includes(name)) ?? [];
    const sentences = [...came.map((name) => `${name} is here.`), ...left.map((name) => `${name} has left.`)];
    if (sentences.length > 0) setNews(sentences.join(" "));
  }, [present]);
  return <p role="status" className="visually-hidden">{news}</p>;
}
