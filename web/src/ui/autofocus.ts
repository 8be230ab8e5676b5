/**
 * For `ref`: has the focus once its dialog or popover is shown. React's own `autoFocus` comes before that,
 * and leaves no attribute for the browser to find.
 */
export const autofocus = (element: HTMLElement | null): void => element?.setAttribute("autofocus", "");
