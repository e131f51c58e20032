SELECT
  "t0"."customer_id"
FROM "spine" AS "t0"
