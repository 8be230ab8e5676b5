/** How others get here: the link, and who is in the team. */
import { Share2 } from "lucide-react";
import { type ReactNode, Suspense } from "react";
import { Button } from "../../ui/Button";
import { Popover } from "../../ui/Popover";
import { Skeleton } from "../../ui/Skeleton";
import type { Place } from "./place";
import styles from "./Share.module.css";
import { later } from "../../ui/later";

const SharePanel = later(() => import("./SharePanel"));

export const Share = ({ place }: { readonly place: Place | undefined }): ReactNode => (
  <Popover
    label="Share"
    align="end"
    className={styles.panel}
    trigger={(trigger) => (
      <Button variant="primary" icon={<Share2 size={16} />} className={styles.share} {...trigger}>
        <span className={styles.word}>Share</span>
      </Button>
    )}
  >
    {() => (
      <Suspense fallback={<Skeleton className={styles.waiting} />}>
        <SharePanel place={place} />
      </Suspense>
    )}
  </Popover>
);
