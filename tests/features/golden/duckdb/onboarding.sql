SELECT
  "t13"."customer_id",
  CASE
    WHEN (
      "t13"."tenure_days" - "t13"."_first_engagement"
    ) IS NULL
    THEN "t13"."tenure_days" - "t13"."_first_engagement"
    ELSE GREATEST(0, "t13"."tenure_days" - "t13"."_first_engagement")
  END AS "days_to_first_engagement",
  CASE
    WHEN (
      "t13"."tenure_days" - "t13"."_first_value"
    ) IS NULL
    THEN "t13"."tenure_days" - "t13"."_first_value"
    ELSE GREATEST(0, "t13"."tenure_days" - "t13"."_first_value")
  END AS "days_to_first_value",
  CASE
    WHEN "t13"."tenure_days" >= 1
    THEN "t13"."_engagement_days_0_1"
    ELSE CAST(NULL AS DOUBLE)
  END AS "engagement_first_1d",
  CASE
    WHEN "t13"."tenure_days" >= 7
    THEN "t13"."_engagement_days_0_7"
    ELSE CAST(NULL AS DOUBLE)
  END AS "engagement_first_7d",
  CASE
    WHEN "t13"."tenure_days" >= 14
    THEN "t13"."_engagement_days_0_14"
    ELSE CAST(NULL AS DOUBLE)
  END AS "engagement_first_14d",
  CASE
    WHEN "t13"."tenure_days" >= 30
    THEN "t13"."_engagement_days_0_30"
    ELSE CAST(NULL AS DOUBLE)
  END AS "engagement_first_30d",
  CASE
    WHEN "t13"."tenure_days" >= 30
    THEN "t13"."_engagement_days_15_30" / NULLIF("t13"."_engagement_days_15_30" + "t13"."_engagement_days_0_15", 0.0)
    ELSE CAST(NULL AS DOUBLE)
  END AS "early_second_half_share",
  CASE
    WHEN "t13"."tenure_days" >= 0
    THEN "t13"."_steps_done" + "t13"."_steps_without_name"
    ELSE CAST(NULL AS DOUBLE)
  END AS "onboarding_steps_done",
  CASE
    WHEN "t13"."tenure_days" IS NULL
    THEN "t13"."tenure_days"
    ELSE LEAST(30, "t13"."tenure_days")
  END - "t13"."_last_step_day" AS "onboarding_stalled_days",
  "t13"."days_to_first_contact",
  CASE
    WHEN "t13"."tenure_days" >= 0
    THEN "t13"."_contact_in_onboarding"
    ELSE CAST(NULL AS DOUBLE)
  END AS "onboarding_contact_events",
  "t13"."days_to_first_friction",
  CASE
    WHEN "t13"."tenure_days" >= 0
    THEN "t13"."_friction_in_onboarding"
    ELSE CAST(NULL AS DOUBLE)
  END AS "onboarding_friction_events",
  CASE
    WHEN "t13"."tenure_days" >= 30
    THEN CAST(CASE
      WHEN (
        "t13"."_contact_in_onboarding" = 0
      )
      AND (
        "t13"."_active_in_onboarding" > 0
      )
      THEN 1
      ELSE 0
    END AS DOUBLE)
    ELSE CAST(NULL AS DOUBLE)
  END AS "self_served",
  CAST("t13"."tenure_days" AS DOUBLE) AS "_tenure"
FROM (
  SELECT
    "t5"."customer_id",
    "t5"."tenure_days",
    "t5"."days_to_end",
    "t8"."_first_engagement",
    "t8"."_first_value",
    COALESCE("t12"."_engagement_days_0_1", 0.0) AS "_engagement_days_0_1",
    COALESCE("t12"."_engagement_days_0_7", 0.0) AS "_engagement_days_0_7",
    COALESCE("t12"."_engagement_days_0_14", 0.0) AS "_engagement_days_0_14",
    COALESCE("t12"."_engagement_days_0_30", 0.0) AS "_engagement_days_0_30",
    COALESCE("t12"."_engagement_days_0_15", 0.0) AS "_engagement_days_0_15",
    COALESCE("t12"."_engagement_days_15_30", 0.0) AS "_engagement_days_15_30",
    COALESCE("t12"."_steps_done", 0.0) AS "_steps_done",
    COALESCE("t12"."_steps_without_name", 0.0) AS "_steps_without_name",
    COALESCE("t12"."_last_step_day", 0.0) AS "_last_step_day",
    "t12"."days_to_first_contact",
    COALESCE("t12"."_contact_in_onboarding", 0.0) AS "_contact_in_onboarding",
    "t12"."days_to_first_friction",
    COALESCE("t12"."_friction_in_onboarding", 0.0) AS "_friction_in_onboarding",
    COALESCE("t12"."_active_in_onboarding", 0.0) AS "_active_in_onboarding"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t5"
  LEFT OUTER JOIN (
    SELECT
      "t1"."customer_id" AS "event_customer_id",
      CAST(MAX("t1"."age_days") FILTER(WHERE
        COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)) AS DOUBLE) AS "_first_engagement",
      CAST(MAX("t1"."age_days") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE)) AS DOUBLE) AS "_first_value"
    FROM "events" AS "t1"
    GROUP BY
      1
  ) AS "t8"
    ON "t5"."customer_id" = "t8"."event_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t10"."customer_id" AS "early_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 0
        )
        AND (
          "t10"."day" < 1
        )) AS DOUBLE) AS "_engagement_days_0_1",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 0
        )
        AND (
          "t10"."day" < 7
        )) AS DOUBLE) AS "_engagement_days_0_7",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 0
        )
        AND (
          "t10"."day" < 14
        )) AS DOUBLE) AS "_engagement_days_0_14",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 0
        )
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_engagement_days_0_30",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 0
        )
        AND (
          "t10"."day" < 15
        )) AS DOUBLE) AS "_engagement_days_0_15",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" >= 15
        )
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_engagement_days_15_30",
      CAST(COUNT(DISTINCT "t10"."name") FILTER(WHERE
        COALESCE("t10"."kind" IN ('onboarding_step'), FALSE) AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_steps_done",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('onboarding_step'), FALSE)
        AND (
          "t10"."day" < 30
        )
        AND (
          "t10"."name" IS NULL
        )) AS DOUBLE) AS "_steps_without_name",
      CAST(MAX("t10"."day") FILTER(WHERE
        COALESCE("t10"."kind" IN ('onboarding_step'), FALSE) AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_last_step_day",
      CAST(MIN("t10"."day") FILTER(WHERE
        COALESCE("t10"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "days_to_first_contact",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_contact_in_onboarding",
      CAST(MIN("t10"."day") FILTER(WHERE
        COALESCE("t10"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "days_to_first_friction",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_friction_in_onboarding",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('activity', 'purchase'), FALSE)
        AND (
          "t10"."day" < 30
        )) AS DOUBLE) AS "_active_in_onboarding"
    FROM (
      SELECT
        "t9"."event_id",
        "t9"."customer_id",
        "t9"."kind",
        "t9"."channel",
        "t9"."direction",
        "t9"."name",
        "t9"."amount",
        "t9"."quantity",
        "t9"."duration_s",
        "t9"."wait_s",
        "t9"."rating",
        "t9"."text",
        "t9"."case_id",
        "t9"."automated",
        "t9"."scripted",
        "t9"."agent_id",
        "t9"."campaign_id",
        "t9"."age_days",
        "t9"."age_s",
        "t9"."due_in_s",
        "t9"."tenure_days",
        "t9"."tenure_days" - "t9"."age_days" AS "day"
      FROM (
        SELECT
          "t2"."event_id",
          "t2"."customer_id",
          "t2"."kind",
          "t2"."channel",
          "t2"."direction",
          "t2"."name",
          "t2"."amount",
          "t2"."quantity",
          "t2"."duration_s",
          "t2"."wait_s",
          "t2"."rating",
          "t2"."text",
          "t2"."case_id",
          "t2"."automated",
          "t2"."scripted",
          "t2"."agent_id",
          "t2"."campaign_id",
          "t2"."age_days",
          "t2"."age_s",
          "t2"."due_in_s",
          "t6"."tenure_days"
        FROM "events" AS "t2"
        INNER JOIN (
          SELECT
            "t0"."customer_id",
            "t0"."tenure_days"
          FROM "spine" AS "t0"
          WHERE
            "t0"."tenure_days" IS NOT NULL
        ) AS "t6"
          ON "t2"."customer_id" = "t6"."customer_id"
      ) AS "t9"
      WHERE
        (
          "t9"."tenure_days" - "t9"."age_days"
        ) >= 0
        AND (
          "t9"."tenure_days" - "t9"."age_days"
        ) < 30
    ) AS "t10"
    GROUP BY
      1
  ) AS "t12"
    ON "t5"."customer_id" = "t12"."early_customer_id"
) AS "t13"
