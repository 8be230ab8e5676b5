"""Cuts within a character: clients count UTF-16 units, and so may cut a surrogate pair in two.

A text editor that compares strings unit by unit replaces U+1F600 by U+1F601 by replacing its low
surrogate. Yjs then turns both halves into U+FFFD (yjs/src/structs/ContentString.js: splice), one
element each, since neither of them can be encoded. The CRDT library stores UTF-8 and cannot cut
there: it loses text, and some of its states load nowhere (pycrdt 0.14.13). So before an update is
merged, the pairs that it cuts are replaced by two U+FFFD, in the update and in the document; then
each cut falls between two characters. What is logged and relayed stays as it was received: clients
do the same with it.
"""
