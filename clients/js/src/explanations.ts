// Written by `python -m clients.js.schema` from the server's one schema; do not edit.

/** What the diagnostics mean that this library finds, and what to do about them. */
export const EXPLANATIONS = {
  invalid_key: {"message": "The key is not a lower-case UUID; the tables leave the entry out.", "suggestion": "Add the entry again under a new UUID in lower case."},
  not_a_map: {"message": "The entry is not a map of fields; the tables leave it out.", "suggestion": "Delete the entry, and add it again as a map."},
  missing_name: {"message": "The name is missing, empty or not a text; a placeholder stands for it.", "suggestion": "Give the step or the pipeline a name."},
  unsupported_type: {"message": "The step's type is not one that Pipeline YAML v2 knows; the type is 'unsupported'.", "suggestion": "Choose one of the types of Pipeline YAML v2."},
  invalid_value: {"message": "A field holds a value of the wrong kind; its default stands for it.", "suggestion": "Set the field to a value of the kind that is expected."},
  text_cut: {"message": "A text is longer than its column; its beginning stands for it.", "suggestion": "Shorten the text."},
  unstorable_text: {"message": "A text holds characters PostgreSQL cannot store; U+FFFD stands for each.", "suggestion": "Remove the control characters and half characters from the text."},
  unstorable_number: {"message": "A number is not finite or beyond 1e308; null stands for it.", "suggestion": "Write the number as a text, or a smaller one."},
  nested_too_deep: {"message": "A value is nested deeper than 64 levels; null stands for what lies deeper.", "suggestion": "Flatten the value."},
  dangling_parent: {"message": "The parent step is not in the tables; the step stands at the top level.", "suggestion": "Move the step into a step that exists, or to the top level."},
  parent_cycle: {"message": "The step lies inside itself; the smallest id of the cycle stands at the top level.", "suggestion": "Move one of the steps out of the others."},
  duplicate_name: {"message": "A sibling with a smaller id has the same name; a number is added to this one.", "suggestion": "Rename one of the steps."},
  unusable_order: {"message": "No order key can be made beside this one; the step stands where its characters put it.", "suggestion": "Move the step."},
  dangling_connection: {"message": "An end of the connection is no step of the tables; the tables leave it out.", "suggestion": "Delete the connection, or bring back the step at its end."},
  duplicate_connection: {"message": "The same connection has a smaller id, too; the tables leave this one out.", "suggestion": "Delete one of the connections."},
} as const;
