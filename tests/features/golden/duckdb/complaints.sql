SELECT
  "t18"."customer_id",
  "t18"."voice_events_30d",
  "t18"."voice_events_90d",
  "t18"."voice_events_365d",
  "t18"."days_since_voice",
  "t18"."voice_text_length_365d",
  "t18"."cases_365d",
  "t18"."open_cases",
  "t18"."oldest_open_case_days",
  "t18"."unresolved_share_365d",
  "t18"."repeat_contacts_365d",
  "t18"."reopened_365d",
  "t18"."escalated_365d",
  "t18"."transfers_365d",
  "t18"."first_response_median_s_365d",
  "t18"."first_response_last_s",
  "t18"."resolution_median_s_365d",
  "t18"."resolution_last_s",
  "t18"."unanswered_cases",
  "t18"."contacts_30d",
  "t18"."contacts_90d",
  "t18"."contacts_365d",
  "t18"."days_since_service",
  "t18"."contacts_abandoned_365d",
  "t18"."abandoned_share_365d",
  "t18"."wait_mean_s_90d",
  "t18"."wait_longest_s_90d",
  "t18"."automated_share_365d",
  "t18"."scripted_share_365d",
  "t18"."friction_events_30d",
  "t18"."friction_events_90d",
  "t18"."days_since_friction",
  "t18"."friction_without_contact_90d",
  "t18"."friction_silence_share_365d",
  "t18"."unanswered_feedback_90d",
  "t18"."unanswered_feedback_365d",
  "t18"."unanswered_feedback_share_365d",
  "t18"."public_response_median_s_365d",
  "t18"."public_response_longest_s_365d",
  "t18"."tried_before_mention_365d",
  "t18"."tried_before_review_365d"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."tenure_days",
    "t3"."days_to_end",
    COALESCE("t11"."voice_events_30d", 0.0) AS "voice_events_30d",
    COALESCE("t11"."voice_events_90d", 0.0) AS "voice_events_90d",
    COALESCE("t11"."voice_events_365d", 0.0) AS "voice_events_365d",
    "t11"."days_since_voice",
    "t11"."voice_text_length_365d",
    COALESCE("t11"."contacts_30d", 0.0) AS "contacts_30d",
    COALESCE("t11"."contacts_90d", 0.0) AS "contacts_90d",
    COALESCE("t11"."contacts_365d", 0.0) AS "contacts_365d",
    "t11"."days_since_service",
    COALESCE("t11"."contacts_abandoned_365d", 0.0) AS "contacts_abandoned_365d",
    "t11"."abandoned_share_365d",
    "t11"."wait_mean_s_90d",
    "t11"."wait_longest_s_90d",
    "t11"."automated_share_365d",
    "t11"."scripted_share_365d",
    COALESCE("t11"."friction_events_30d", 0.0) AS "friction_events_30d",
    COALESCE("t11"."friction_events_90d", 0.0) AS "friction_events_90d",
    "t11"."days_since_friction",
    COALESCE("t17"."cases_365d", 0.0) AS "cases_365d",
    COALESCE("t17"."open_cases", 0.0) AS "open_cases",
    "t17"."oldest_open_case_days",
    "t17"."unresolved_share_365d",
    COALESCE("t17"."repeat_contacts_365d", 0.0) AS "repeat_contacts_365d",
    COALESCE("t17"."reopened_365d", 0.0) AS "reopened_365d",
    COALESCE("t17"."escalated_365d", 0.0) AS "escalated_365d",
    COALESCE("t17"."transfers_365d", 0.0) AS "transfers_365d",
    "t17"."first_response_median_s_365d",
    "t17"."first_response_last_s",
    "t17"."resolution_median_s_365d",
    "t17"."resolution_last_s",
    COALESCE("t17"."unanswered_cases", 0.0) AS "unanswered_cases",
    COALESCE("t14"."friction_without_contact_90d", 0.0) AS "friction_without_contact_90d",
    "t14"."friction_silence_share_365d",
    COALESCE("t14"."unanswered_feedback_90d", 0.0) AS "unanswered_feedback_90d",
    COALESCE("t14"."unanswered_feedback_365d", 0.0) AS "unanswered_feedback_365d",
    "t14"."unanswered_feedback_share_365d",
    "t14"."public_response_median_s_365d",
    "t14"."public_response_longest_s_365d",
    COALESCE("t14"."tried_before_mention_365d", 0.0) AS "tried_before_mention_365d",
    COALESCE("t14"."tried_before_review_365d", 0.0) AS "tried_before_review_365d"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t6"."customer_id" AS "fact_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
        AND NOT (
          COALESCE("t6"."channel" IN ('forum'), FALSE)
        )
        AND (
          "t6"."age_days" <= 30
        )) AS DOUBLE) AS "voice_events_30d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
        AND NOT (
          COALESCE("t6"."channel" IN ('forum'), FALSE)
        )
        AND (
          "t6"."age_days" <= 90
        )) AS DOUBLE) AS "voice_events_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
        AND NOT (
          COALESCE("t6"."channel" IN ('forum'), FALSE)
        )
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) AS "voice_events_365d",
      CAST(MIN("t6"."age_days") FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
        AND NOT (
          COALESCE("t6"."channel" IN ('forum'), FALSE)
        )) AS DOUBLE) AS "days_since_voice",
      CAST(SUM(LENGTH("t6"."text")) FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
        AND NOT (
          COALESCE("t6"."channel" IN ('forum'), FALSE)
        )
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(LENGTH("t6"."text")) FILTER(WHERE
          COALESCE("t6"."kind" IN ('cancel_requested', 'complaint'), FALSE)
          AND NOT (
            COALESCE("t6"."channel" IN ('forum'), FALSE)
          )
          AND (
            "t6"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "voice_text_length_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
        AND (
          "t6"."age_days" <= 30
        )) AS DOUBLE) AS "contacts_30d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
        AND (
          "t6"."age_days" <= 90
        )) AS DOUBLE) AS "contacts_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) AS "contacts_365d",
      CAST(MIN("t6"."age_days") FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)) AS DOUBLE) AS "days_since_service",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('contact_abandoned'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) AS "contacts_abandoned_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('contact_abandoned'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact', 'contact_abandoned'), FALSE)
          AND (
            "t6"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "abandoned_share_365d",
      CAST(SUM("t6"."wait_s") FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact', 'contact_abandoned'), FALSE)
        AND (
          "t6"."age_days" <= 90
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT("t6"."wait_s") FILTER(WHERE
          COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact', 'contact_abandoned'), FALSE)
          AND (
            "t6"."age_days" <= 90
          )) AS DOUBLE),
        0.0
      ) AS "wait_mean_s_90d",
      CAST(MAX("t6"."wait_s") FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'complaint', 'contact', 'contact_abandoned'), FALSE)
        AND (
          "t6"."age_days" <= 90
        )) AS DOUBLE) AS "wait_longest_s_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )
        AND COALESCE("t6"."automated", FALSE)) AS DOUBLE) / NULLIF(
        CAST(COUNT("t6"."automated") FILTER(WHERE
          COALESCE("t6"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
          AND (
            "t6"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "automated_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )
        AND COALESCE("t6"."scripted", FALSE)) AS DOUBLE) / NULLIF(
        CAST(COUNT("t6"."scripted") FILTER(WHERE
          COALESCE("t6"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
          AND (
            "t6"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "scripted_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t6"."age_days" <= 30
        )) AS DOUBLE) AS "friction_events_30d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t6"."age_days" <= 90
        )) AS DOUBLE) AS "friction_events_90d",
      CAST(MIN("t6"."age_days") FILTER(WHERE
        COALESCE("t6"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)) AS DOUBLE) AS "days_since_friction"
    FROM (
      SELECT
        *
      FROM "events" AS "t1"
      WHERE
        NOT (
          COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)
        )
    ) AS "t6"
    GROUP BY
      1
  ) AS "t11"
    ON "t3"."customer_id" = "t11"."fact_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t15"."customer_id" AS "case_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        "t15"."recent") AS DOUBLE) AS "cases_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t15"."open") AS DOUBLE) AS "open_cases",
      CAST(MAX("t15"."opened_days") FILTER(WHERE
        "t15"."open") AS DOUBLE) AS "oldest_open_case_days",
      CAST(COUNT(*) FILTER(WHERE
        "t15"."open" AND "t15"."recent") AS DOUBLE) / NULLIF(CAST(COUNT(*) FILTER(WHERE
        "t15"."recent") AS DOUBLE), 0.0) AS "unresolved_share_365d",
      CAST(SUM("t15"."repeats") FILTER(WHERE
        "t15"."last_days" <= 365) AS DOUBLE) AS "repeat_contacts_365d",
      CAST(SUM("t15"."reopened") FILTER(WHERE
        "t15"."last_days" <= 365) AS DOUBLE) AS "reopened_365d",
      CAST(SUM("t15"."escalated") FILTER(WHERE
        "t15"."last_days" <= 365) AS DOUBLE) AS "escalated_365d",
      CAST(SUM("t15"."transfers") FILTER(WHERE
        "t15"."last_days" <= 365) AS DOUBLE) AS "transfers_365d",
      QUANTILE_CONT(
        CASE WHEN "t15"."recent" THEN "t15"."first_response_s" ELSE CAST(NULL AS BIGINT) END,
        0.5
      ) AS "first_response_median_s_365d",
      CAST(MAX("t15"."first_response_s") FILTER(WHERE
        "t15"."last_answered") AS DOUBLE) AS "first_response_last_s",
      QUANTILE_CONT(
        CASE WHEN "t15"."recent" THEN "t15"."resolution_s" ELSE CAST(NULL AS BIGINT) END,
        0.5
      ) AS "resolution_median_s_365d",
      CAST(MAX("t15"."resolution_s") FILTER(WHERE
        "t15"."last_solved") AS DOUBLE) AS "resolution_last_s",
      CAST(COUNT(*) FILTER(WHERE
        "t15"."open" AND (
          "t15"."first_response_s" IS NULL
        )) AS DOUBLE) AS "unanswered_cases"
    FROM (
      SELECT
        "t12"."customer_id",
        "t12"."case_id",
        "t12"."opened_s",
        "t12"."opened_days",
        "t12"."last_days",
        "t12"."responded_s",
        "t12"."acknowledged",
        "t12"."resolved_s",
        "t12"."reopened_s",
        "t12"."reopened",
        "t12"."escalated",
        "t12"."contacts",
        "t12"."transfers",
        "t12"."channel",
        "t12"."open",
        "t12"."first_response_s",
        "t12"."resolution_s",
        "t12"."repeats",
        "t12"."recent",
        COALESCE(
          "t12"."opened_s" = MIN(
            CASE
              WHEN "t12"."first_response_s" IS NOT NULL
              THEN "t12"."opened_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t12"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last_answered",
        COALESCE(
          "t12"."opened_s" = MIN(
            CASE
              WHEN "t12"."resolution_s" IS NOT NULL
              THEN "t12"."opened_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t12"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last_solved",
        CASE
          WHEN "t12"."recent" AND (
            "t12"."channel" IS NOT NULL
          )
          THEN CAST(SUM(
            CAST("t12"."recent" AND (
              "t12"."channel" IS NOT NULL
            ) AND NOT (
              "t12"."open"
            ) AS BIGINT)
          ) OVER (
            PARTITION BY "t12"."customer_id", "t12"."channel"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS DOUBLE) / NULLIF(
            CAST(SUM(CAST("t12"."recent" AND (
              "t12"."channel" IS NOT NULL
            ) AS BIGINT)) OVER (
              PARTITION BY "t12"."customer_id", "t12"."channel"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          )
          ELSE CAST(NULL AS DOUBLE)
        END AS "solved_here"
      FROM (
        SELECT
          "t8"."customer_id",
          "t8"."case_id",
          "t8"."opened_s",
          "t8"."opened_days",
          "t8"."last_days",
          "t8"."responded_s",
          "t8"."acknowledged",
          "t8"."resolved_s",
          "t8"."reopened_s",
          "t8"."reopened",
          "t8"."escalated",
          "t8"."contacts",
          "t8"."transfers",
          "t8"."channel",
          (
            "t8"."opened_s" IS NOT NULL
          )
          AND (
            NOT (
              COALESCE("t8"."resolved_s" <= "t8"."opened_s", FALSE)
            )
            OR COALESCE("t8"."reopened_s" < "t8"."resolved_s", FALSE)
          ) AS "open",
          CASE
            WHEN "t8"."acknowledged"
            THEN LEAST(
              CASE
                WHEN (
                  "t8"."opened_s" - "t8"."responded_s"
                ) >= 0
                THEN "t8"."opened_s" - "t8"."responded_s"
                ELSE CAST(NULL AS BIGINT)
              END,
              CASE
                WHEN COALESCE("t8"."resolved_s" <= "t8"."opened_s", FALSE)
                AND NOT (
                  COALESCE("t8"."reopened_s" < "t8"."resolved_s", FALSE)
                )
                THEN "t8"."opened_s" - "t8"."resolved_s"
                ELSE CAST(NULL AS BIGINT)
              END
            )
            ELSE CASE
              WHEN (
                "t8"."opened_s" - "t8"."responded_s"
              ) >= 0
              THEN "t8"."opened_s" - "t8"."responded_s"
              ELSE CAST(NULL AS BIGINT)
            END
          END AS "first_response_s",
          CASE
            WHEN COALESCE("t8"."resolved_s" <= "t8"."opened_s", FALSE)
            AND NOT (
              COALESCE("t8"."reopened_s" < "t8"."resolved_s", FALSE)
            )
            THEN "t8"."opened_s" - "t8"."resolved_s"
            ELSE CAST(NULL AS BIGINT)
          END AS "resolution_s",
          CASE WHEN "t8"."contacts" > 1 THEN "t8"."contacts" - 1 ELSE 0 END AS "repeats",
          COALESCE("t8"."opened_days" <= 365, FALSE) AS "recent"
        FROM (
          SELECT
            "t7"."customer_id",
            "t7"."case_id",
            MAX("t7"."age_s") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_opened'), FALSE)) AS "opened_s",
            MAX("t7"."age_days") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_opened'), FALSE)) AS "opened_days",
            MIN("t7"."age_days") AS "last_days",
            MAX("t7"."age_s") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_responded'), FALSE)
              AND NOT (
                COALESCE("t7"."automated", FALSE)
              )) AS "responded_s",
            BOOL_OR(
              CAST(COALESCE("t7"."kind" IN ('case_responded'), FALSE)
              AND COALESCE("t7"."automated", FALSE) AS BOOLEAN)
            ) AS "acknowledged",
            MIN("t7"."age_s") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_resolved'), FALSE)) AS "resolved_s",
            MIN("t7"."age_s") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_reopened'), FALSE)) AS "reopened_s",
            COUNT(*) FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_reopened'), FALSE)) AS "reopened",
            COUNT(*) FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_escalated'), FALSE)) AS "escalated",
            COUNT(DISTINCT "t7"."age_s") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)) AS "contacts",
            COUNT(*) FILTER(WHERE
              "t7"."moved") AS "transfers",
            MAX("t7"."channel") FILTER(WHERE
              COALESCE("t7"."kind" IN ('case_opened'), FALSE)) AS "channel"
          FROM (
            SELECT
              "t4"."event_id",
              "t4"."customer_id",
              "t4"."kind",
              "t4"."channel",
              "t4"."direction",
              "t4"."name",
              "t4"."amount",
              "t4"."quantity",
              "t4"."duration_s",
              "t4"."wait_s",
              "t4"."rating",
              "t4"."text",
              "t4"."case_id",
              "t4"."automated",
              "t4"."scripted",
              "t4"."agent_id",
              "t4"."campaign_id",
              "t4"."age_days",
              "t4"."age_s",
              "t4"."due_in_s",
              COALESCE(
                "t4"."agent_id" <> LAG("t4"."agent_id") OVER (
                  PARTITION BY "t4"."customer_id", "t4"."case_id", "t4"."agent_id" IS NULL
                  ORDER BY "t4"."age_s" DESC, "t4"."agent_id" ASC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ),
                FALSE
              ) AS "moved"
            FROM (
              SELECT
                *
              FROM "events" AS "t1"
              WHERE
                "t1"."case_id" IS NOT NULL
            ) AS "t4"
          ) AS "t7"
          GROUP BY
            1,
            2
        ) AS "t8"
      ) AS "t12"
    ) AS "t15"
    GROUP BY
      1
  ) AS "t17"
    ON "t3"."customer_id" = "t17"."case_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t10"."customer_id" AS "dialogue_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t10"."age_days" <= 90
        )
        AND COALESCE("t10"."age_s" < "t10"."last_said_s", TRUE)) AS DOUBLE) AS "friction_without_contact_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
        AND (
          "t10"."age_days" <= 365
        )
        AND COALESCE("t10"."age_s" < "t10"."last_said_s", TRUE)) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          COALESCE("t10"."kind" IN ('contact_abandoned', 'error', 'payment_failed', 'return'), FALSE)
          AND (
            "t10"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "friction_silence_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t10"."feedback"
        AND (
          "t10"."reply_s" IS NULL
        )
        AND (
          "t10"."age_days" <= 90
        )) AS DOUBLE) AS "unanswered_feedback_90d",
      CAST(COUNT(*) FILTER(WHERE
        "t10"."feedback"
        AND (
          "t10"."reply_s" IS NULL
        )
        AND (
          "t10"."age_days" <= 365
        )) AS DOUBLE) AS "unanswered_feedback_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t10"."feedback"
        AND (
          "t10"."reply_s" IS NULL
        )
        AND (
          "t10"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          "t10"."feedback" AND (
            "t10"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "unanswered_feedback_share_365d",
      QUANTILE_CONT(
        CASE
          WHEN COALESCE("t10"."kind" IN ('mention'), FALSE)
          AND (
            COALESCE("t10"."direction", 'inbound') <> 'outbound'
          )
          AND (
            "t10"."age_days" <= 365
          )
          THEN "t10"."age_s" - "t10"."reply_s"
          ELSE CAST(NULL AS BIGINT)
        END,
        0.5
      ) AS "public_response_median_s_365d",
      CAST(MAX(
        CASE
          WHEN COALESCE("t10"."kind" IN ('mention'), FALSE)
          AND (
            COALESCE("t10"."direction", 'inbound') <> 'outbound'
          )
          AND (
            "t10"."age_days" <= 365
          )
          THEN "t10"."age_s" - "t10"."reply_s"
          ELSE CAST(NULL AS BIGINT)
        END
      ) AS DOUBLE) AS "public_response_longest_s_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('mention'), FALSE)
        AND (
          COALESCE("t10"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t10"."age_days" <= 365
        )
        AND COALESCE((
          "t10"."tried_s" - "t10"."age_s"
        ) <= 2592000, FALSE)) AS DOUBLE) AS "tried_before_mention_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."kind" IN ('review'), FALSE)
        AND (
          COALESCE("t10"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t10"."age_days" <= 365
        )
        AND COALESCE((
          "t10"."tried_s" - "t10"."age_s"
        ) <= 2592000, FALSE)) AS DOUBLE) AS "tried_before_review_365d"
    FROM (
      SELECT
        "t5"."event_id",
        "t5"."customer_id",
        "t5"."kind",
        "t5"."channel",
        "t5"."direction",
        "t5"."name",
        "t5"."amount",
        "t5"."quantity",
        "t5"."duration_s",
        "t5"."wait_s",
        "t5"."rating",
        "t5"."text",
        "t5"."case_id",
        "t5"."automated",
        "t5"."scripted",
        "t5"."agent_id",
        "t5"."campaign_id",
        "t5"."age_days",
        "t5"."age_s",
        "t5"."due_in_s",
        MIN(
          CASE
            WHEN COALESCE("t5"."kind" IN ('cancel_requested', 'case_opened', 'complaint', 'contact'), FALSE)
            AND NOT (
              COALESCE("t5"."channel" IN ('forum'), FALSE)
            )
            THEN "t5"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t5"."customer_id"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "last_said_s",
        MIN(
          CASE
            WHEN COALESCE(
              "t5"."kind" IN ('cancel_requested', 'case_opened', 'complaint', 'contact', 'contact_abandoned'),
              FALSE
            )
            AND NOT (
              COALESCE("t5"."channel" IN ('forum'), FALSE)
            )
            AND (
              COALESCE("t5"."direction", 'inbound') <> 'outbound'
            )
            THEN "t5"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t5"."customer_id"
          ORDER BY "t5"."age_s" ASC
          RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS "tried_s",
        MIN(
          CASE
            WHEN COALESCE(
              "t5"."kind" IN (
                'case_escalated',
                'case_reopened',
                'contact_abandoned',
                'error',
                'payment_failed',
                'return'
              ),
              FALSE
            )
            THEN "t5"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t5"."customer_id"
          ORDER BY "t5"."age_s" ASC
          RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS "trouble_s",
        CASE
          WHEN "t5"."case_id" IS NOT NULL
          THEN MAX(
            CASE
              WHEN (
                COALESCE("t5"."kind" IN ('case_responded'), FALSE)
                OR (
                  COALESCE(
                    "t5"."kind" IN (
                      'cancel_requested',
                      'case_opened',
                      'complaint',
                      'contact',
                      'mention',
                      'message_private',
                      'review'
                    ),
                    FALSE
                  )
                  AND NOT (
                    COALESCE("t5"."direction", 'inbound') <> 'outbound'
                  )
                )
              )
              AND NOT (
                COALESCE("t5"."automated", FALSE)
              )
              THEN "t5"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t5"."customer_id", "t5"."case_id"
            ORDER BY "t5"."age_s" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
          ELSE MAX(
            CASE
              WHEN (
                COALESCE("t5"."kind" IN ('case_responded'), FALSE)
                OR (
                  COALESCE(
                    "t5"."kind" IN (
                      'cancel_requested',
                      'case_opened',
                      'complaint',
                      'contact',
                      'mention',
                      'message_private',
                      'review'
                    ),
                    FALSE
                  )
                  AND NOT (
                    COALESCE("t5"."direction", 'inbound') <> 'outbound'
                  )
                )
              )
              AND NOT (
                COALESCE("t5"."automated", FALSE)
              )
              THEN "t5"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t5"."customer_id", "t5"."channel"
            ORDER BY "t5"."age_s" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        END AS "reply_s",
        COALESCE(
          "t5"."kind" IN ('cancel_requested', 'complaint', 'mention', 'message_private', 'review'),
          FALSE
        )
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        ) AS "feedback"
      FROM (
        SELECT
          *
        FROM "events" AS "t1"
        WHERE
          COALESCE(
            "t1"."kind" IN (
              'basket_abandoned',
              'cancel_requested',
              'case_escalated',
              'case_opened',
              'case_reopened',
              'case_responded',
              'complaint',
              'contact',
              'contact_abandoned',
              'error',
              'mention',
              'message_private',
              'payment_failed',
              'return',
              'review'
            ),
            FALSE
          )
      ) AS "t5"
    ) AS "t10"
    GROUP BY
      1
  ) AS "t14"
    ON "t3"."customer_id" = "t14"."dialogue_customer_id"
) AS "t18"
