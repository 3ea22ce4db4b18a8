"""`wherry compose`: one module for each verb; `entry` has what stands before the verb."""
