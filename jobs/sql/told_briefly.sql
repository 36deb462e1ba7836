-- What is told of each of many jobs: what tells the next action or explains a refusal. (rulings.sql follows.)
select s.id, s.status, s.cancel_requested_at, s.updated_at, s.unique_key,
  s.exit_code, s.last_error, s.error_category, s.attempts, s.completed_at,
