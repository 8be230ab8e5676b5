/** The rows of the tables, with the columns that this page asks for. */
export type Pipeline = { id: string; name: string; status: string; updated_at: string };

export type Step = {
  id: string;
  pipeline_id: string;
  name: string;
  type: string;
  enabled: boolean;
  position_x: number;
  position_y: number;
  width: number;
  height: number;
  parent_step_id: string | null;
};

export type Connection = { id: string; pipeline_id: string; from_step_id: string; to_step_id: string };

export type Comment = {
  id: string;
  pipeline_id: string;
  step_id: string | null;
  user_id: string | null;
  content: string;
  created_at: string;
};

export type User = { id: string; name: string; avatar_url: string | null };
