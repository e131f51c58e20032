SELECT
  "t42"."customer_id",
  "t42"."_errors_90d" / NULLIF("t42"."_days_active_90d", 0.0) AS "errors_per_active_day_90d",
  (
    "t42"."_errors_30d" / 30
  ) / NULLIF(
    (
      "t42"."_errors_180d" - "t42"."_errors_30d"
    ) / NULLIF(
      CASE
        WHEN (
          CASE
            WHEN "t42"."_days_since_first_engagement" IS NULL
            THEN "t42"."_days_since_first_engagement"
            ELSE LEAST(180, "t42"."_days_since_first_engagement")
          END - 30
        ) >= 14
        THEN CASE
          WHEN "t42"."_days_since_first_engagement" IS NULL
          THEN "t42"."_days_since_first_engagement"
          ELSE LEAST(180, "t42"."_days_since_first_engagement")
        END - 30
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "errors_trend_30d",
  "t42"."payments_failed_share_365d",
  "t42"."payments_failed_run",
  "t42"."returns_per_purchase_365d",
  "t42"."returned_amount_ratio_365d",
  "t42"."baskets_abandoned_after_trouble_90d",
  "t42"."promises_kept_late_365d",
  "t42"."promises_in_time_share_365d",
  "t42"."promises_overdue",
  "t42"."promise_delay_mean_s_365d",
  "t42"."promise_delay_longest_s_365d",
  "t42"."promise_delay_last_s",
  "t42"."days_since_promise_kept_late",
  "t42"."wait_inconsistency_s_365d",
  "t42"."rating_inconsistency_365d",
  "t42"."resolution_inconsistency_365d",
  "t42"."agents_seen_365d",
  "t42"."agent_turnover_365d"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."tenure_days",
    "t3"."days_to_end",
    "t14"."returns_per_purchase_365d",
    "t14"."returned_amount_ratio_365d",
    COALESCE("t22"."_errors_90d", 0.0) AS "_errors_90d",
    COALESCE("t22"."_errors_30d", 0.0) AS "_errors_30d",
    COALESCE("t22"."_errors_180d", 0.0) AS "_errors_180d",
    COALESCE("t22"."agents_seen_365d", 0.0) AS "agents_seen_365d",
    "t22"."agent_turnover_365d",
    COALESCE("t20"."_days_active_90d", 0.0) AS "_days_active_90d",
    "t20"."_days_since_first_engagement",
    "t41"."resolution_inconsistency_365d",
    "t37"."wait_inconsistency_s_365d",
    "t37"."rating_inconsistency_365d",
    COALESCE("t29"."baskets_abandoned_after_trouble_90d", 0.0) AS "baskets_abandoned_after_trouble_90d",
    COALESCE("t35"."promises_kept_late_365d", 0.0) AS "promises_kept_late_365d",
    "t35"."promises_in_time_share_365d",
    COALESCE("t35"."promises_overdue", 0.0) AS "promises_overdue",
    "t35"."promise_delay_mean_s_365d",
    "t35"."promise_delay_longest_s_365d",
    "t35"."promise_delay_last_s",
    "t35"."days_since_promise_kept_late",
    "t39"."payments_failed_share_365d",
    COALESCE("t39"."payments_failed_run", 0.0) AS "payments_failed_run"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t1"."customer_id" AS "event_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t1"."kind" IN ('return'), FALSE) AND (
          "t1"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
            "t1"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "returns_per_purchase_365d",
      CAST(COALESCE(
        SUM("t1"."amount") FILTER(WHERE
          COALESCE("t1"."kind" IN ('return'), FALSE) AND (
            "t1"."age_days" <= 365
          )),
        0
      ) AS DOUBLE) / NULLIF(
        CAST(SUM("t1"."amount") FILTER(WHERE
          COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
            "t1"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "returned_amount_ratio_365d"
    FROM "events" AS "t1"
    GROUP BY
      1
  ) AS "t14"
    ON "t3"."customer_id" = "t14"."event_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t9"."customer_id" AS "fact_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t9"."kind" IN ('error'), FALSE) AND (
          "t9"."age_days" <= 90
        )) AS DOUBLE) AS "_errors_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t9"."kind" IN ('error'), FALSE) AND (
          "t9"."age_days" <= 30
        )) AS DOUBLE) AS "_errors_30d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t9"."kind" IN ('error'), FALSE) AND (
          "t9"."age_days" <= 180
        )) AS DOUBLE) AS "_errors_180d",
      CAST(COUNT(DISTINCT "t9"."agent_id") FILTER(WHERE
        COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
        AND (
          "t9"."age_days" <= 365
        )) AS DOUBLE) AS "agents_seen_365d",
      CAST(CASE
        WHEN (
          COUNT(DISTINCT "t9"."agent_id") FILTER(WHERE
            COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
            AND (
              "t9"."age_days" <= 365
            )) - 1
        ) IS NULL
        THEN COUNT(DISTINCT "t9"."agent_id") FILTER(WHERE
          COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
          AND (
            "t9"."age_days" <= 365
          )) - 1
        ELSE GREATEST(
          0,
          COUNT(DISTINCT "t9"."agent_id") FILTER(WHERE
            COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
            AND (
              "t9"."age_days" <= 365
            )) - 1
        )
      END AS DOUBLE) / NULLIF(
        CAST(CASE
          WHEN (
            COUNT("t9"."agent_id") FILTER(WHERE
              COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
              AND (
                "t9"."age_days" <= 365
              )) - 1
          ) IS NULL
          THEN COUNT("t9"."agent_id") FILTER(WHERE
            COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
            AND (
              "t9"."age_days" <= 365
            )) - 1
          ELSE GREATEST(
            0,
            COUNT("t9"."agent_id") FILTER(WHERE
              COALESCE("t9"."kind" IN ('case_opened', 'case_responded', 'complaint', 'contact'), FALSE)
              AND (
                "t9"."age_days" <= 365
              )) - 1
          )
        END AS DOUBLE),
        0.0
      ) AS "agent_turnover_365d"
    FROM (
      SELECT
        *
      FROM "events" AS "t1"
      WHERE
        NOT (
          COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)
        )
    ) AS "t9"
    GROUP BY
      1
  ) AS "t22"
    ON "t3"."customer_id" = "t22"."fact_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t13"."customer_id" AS "day_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        "t13"."age_days" <= 90) AS DOUBLE) AS "_days_active_90d",
      CAST(MAX("t13"."age_days") AS DOUBLE) AS "_days_since_first_engagement"
    FROM (
      SELECT
        "t6"."customer_id",
        "t6"."age_days",
        CAST(LEAD("t6"."age_days") OVER (
          PARTITION BY "t6"."customer_id"
          ORDER BY "t6"."age_days" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - "t6"."age_days" AS SMALLINT) AS "gap_days",
        FIRST_VALUE("t6"."age_days") OVER (
          PARTITION BY "t6"."customer_id"
          ORDER BY "t6"."age_days" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "silence_days"
      FROM (
        SELECT DISTINCT
          "t1"."customer_id",
          "t1"."age_days"
        FROM "events" AS "t1"
        WHERE
          COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)
      ) AS "t6"
    ) AS "t13"
    GROUP BY
      1
  ) AS "t20"
    ON "t3"."customer_id" = "t20"."day_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t34"."customer_id" AS "case_customer_id",
      CASE
        WHEN COUNT(DISTINCT "t34"."channel") FILTER(WHERE
          "t34"."solved_here" IS NOT NULL) > 1
        THEN MAX("t34"."solved_here") - MIN("t34"."solved_here")
        ELSE CAST(NULL AS DOUBLE)
      END AS "resolution_inconsistency_365d"
    FROM (
      SELECT
        "t28"."customer_id",
        "t28"."case_id",
        "t28"."opened_s",
        "t28"."opened_days",
        "t28"."last_days",
        "t28"."responded_s",
        "t28"."acknowledged",
        "t28"."resolved_s",
        "t28"."reopened_s",
        "t28"."reopened",
        "t28"."escalated",
        "t28"."contacts",
        "t28"."transfers",
        "t28"."channel",
        "t28"."open",
        "t28"."first_response_s",
        "t28"."resolution_s",
        "t28"."repeats",
        "t28"."recent",
        COALESCE(
          "t28"."opened_s" = MIN(
            CASE
              WHEN "t28"."first_response_s" IS NOT NULL
              THEN "t28"."opened_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t28"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last_answered",
        COALESCE(
          "t28"."opened_s" = MIN(
            CASE
              WHEN "t28"."resolution_s" IS NOT NULL
              THEN "t28"."opened_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t28"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last_solved",
        CASE
          WHEN "t28"."recent" AND (
            "t28"."channel" IS NOT NULL
          )
          THEN CAST(SUM(
            CAST("t28"."recent" AND (
              "t28"."channel" IS NOT NULL
            ) AND NOT (
              "t28"."open"
            ) AS BIGINT)
          ) OVER (
            PARTITION BY "t28"."customer_id", "t28"."channel"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS DOUBLE) / NULLIF(
            CAST(SUM(CAST("t28"."recent" AND (
              "t28"."channel" IS NOT NULL
            ) AS BIGINT)) OVER (
              PARTITION BY "t28"."customer_id", "t28"."channel"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          )
          ELSE CAST(NULL AS DOUBLE)
        END AS "solved_here"
      FROM (
        SELECT
          "t18"."customer_id",
          "t18"."case_id",
          "t18"."opened_s",
          "t18"."opened_days",
          "t18"."last_days",
          "t18"."responded_s",
          "t18"."acknowledged",
          "t18"."resolved_s",
          "t18"."reopened_s",
          "t18"."reopened",
          "t18"."escalated",
          "t18"."contacts",
          "t18"."transfers",
          "t18"."channel",
          (
            "t18"."opened_s" IS NOT NULL
          )
          AND (
            NOT (
              COALESCE("t18"."resolved_s" <= "t18"."opened_s", FALSE)
            )
            OR COALESCE("t18"."reopened_s" < "t18"."resolved_s", FALSE)
          ) AS "open",
          CASE
            WHEN "t18"."acknowledged"
            THEN LEAST(
              CASE
                WHEN (
                  "t18"."opened_s" - "t18"."responded_s"
                ) >= 0
                THEN "t18"."opened_s" - "t18"."responded_s"
                ELSE CAST(NULL AS BIGINT)
              END,
              CASE
                WHEN COALESCE("t18"."resolved_s" <= "t18"."opened_s", FALSE)
                AND NOT (
                  COALESCE("t18"."reopened_s" < "t18"."resolved_s", FALSE)
                )
                THEN "t18"."opened_s" - "t18"."resolved_s"
                ELSE CAST(NULL AS BIGINT)
              END
            )
            ELSE CASE
              WHEN (
                "t18"."opened_s" - "t18"."responded_s"
              ) >= 0
              THEN "t18"."opened_s" - "t18"."responded_s"
              ELSE CAST(NULL AS BIGINT)
            END
          END AS "first_response_s",
          CASE
            WHEN COALESCE("t18"."resolved_s" <= "t18"."opened_s", FALSE)
            AND NOT (
              COALESCE("t18"."reopened_s" < "t18"."resolved_s", FALSE)
            )
            THEN "t18"."opened_s" - "t18"."resolved_s"
            ELSE CAST(NULL AS BIGINT)
          END AS "resolution_s",
          CASE WHEN "t18"."contacts" > 1 THEN "t18"."contacts" - 1 ELSE 0 END AS "repeats",
          COALESCE("t18"."opened_days" <= 365, FALSE) AS "recent"
        FROM (
          SELECT
            "t12"."customer_id",
            "t12"."case_id",
            MAX("t12"."age_s") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_opened'), FALSE)) AS "opened_s",
            MAX("t12"."age_days") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_opened'), FALSE)) AS "opened_days",
            MIN("t12"."age_days") AS "last_days",
            MAX("t12"."age_s") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_responded'), FALSE)
              AND NOT (
                COALESCE("t12"."automated", FALSE)
              )) AS "responded_s",
            BOOL_OR(
              CAST(COALESCE("t12"."kind" IN ('case_responded'), FALSE)
              AND COALESCE("t12"."automated", FALSE) AS BOOLEAN)
            ) AS "acknowledged",
            MIN("t12"."age_s") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_resolved'), FALSE)) AS "resolved_s",
            MIN("t12"."age_s") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_reopened'), FALSE)) AS "reopened_s",
            COUNT(*) FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_reopened'), FALSE)) AS "reopened",
            COUNT(*) FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_escalated'), FALSE)) AS "escalated",
            COUNT(DISTINCT "t12"."age_s") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)) AS "contacts",
            COUNT(*) FILTER(WHERE
              "t12"."moved") AS "transfers",
            MAX("t12"."channel") FILTER(WHERE
              COALESCE("t12"."kind" IN ('case_opened'), FALSE)) AS "channel"
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
              COALESCE(
                "t5"."agent_id" <> LAG("t5"."agent_id") OVER (
                  PARTITION BY "t5"."customer_id", "t5"."case_id", "t5"."agent_id" IS NULL
                  ORDER BY "t5"."age_s" DESC, "t5"."agent_id" ASC
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
            ) AS "t5"
          ) AS "t12"
          GROUP BY
            1,
            2
        ) AS "t18"
      ) AS "t28"
    ) AS "t34"
    GROUP BY
      1
  ) AS "t41"
    ON "t3"."customer_id" = "t41"."case_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t32"."customer_id" AS "channel_customer_id",
      CASE
        WHEN COUNT("t32"."wait_s") > 1
        THEN MAX("t32"."wait_s") - MIN("t32"."wait_s")
        ELSE CAST(NULL AS DOUBLE)
      END AS "wait_inconsistency_s_365d",
      CASE
        WHEN COUNT("t32"."rating") > 1
        THEN MAX("t32"."rating") - MIN("t32"."rating")
        ELSE CAST(NULL AS DOUBLE)
      END AS "rating_inconsistency_365d"
    FROM (
      SELECT
        "t23"."customer_id",
        "t23"."channel",
        "t23"."n_30",
        "t23"."n_90",
        "t23"."n_before",
        "t23"."n_365",
        "t23"."sent_90",
        "t23"."last_days",
        "t23"."first_days",
        "t23"."wait_s",
        "t23"."rating",
        "t23"."share_90",
        "t23"."share_30",
        "t23"."share_before",
        "t23"."preferred",
        CAST(-(
          "t23"."share_90"
        ) * LOG(2, NULLIF("t23"."share_90", 0.0)) AS DECIMAL(18, 12)) AS "bits_90",
        CAST(CASE
          WHEN (
            (
              "t23"."share_30" + "t23"."share_before"
            ) / 2
          ) IS NOT NULL
          THEN COALESCE(
            (
              "t23"."share_30" * LOG(
                2,
                NULLIF(
                  "t23"."share_30" / NULLIF((
                    "t23"."share_30" + "t23"."share_before"
                  ) / 2, 0.0),
                  0.0
                )
              )
            ) / 2,
            0.0
          ) + 0 + COALESCE(
            (
              "t23"."share_before" * LOG(
                2,
                NULLIF(
                  "t23"."share_before" / NULLIF((
                    "t23"."share_30" + "t23"."share_before"
                  ) / 2, 0.0),
                  0.0
                )
              )
            ) / 2,
            0.0
          )
          ELSE CAST(NULL AS DOUBLE)
        END AS DECIMAL(18, 12)) AS "divergence"
      FROM (
        SELECT
          "t15"."customer_id",
          "t15"."channel",
          "t15"."n_30",
          "t15"."n_90",
          "t15"."n_before",
          "t15"."n_365",
          "t15"."sent_90",
          "t15"."last_days",
          "t15"."first_days",
          "t15"."wait_s",
          "t15"."rating",
          CAST("t15"."n_90" AS DOUBLE) / NULLIF(
            CAST(SUM("t15"."n_90") OVER (
              PARTITION BY "t15"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_90",
          CAST("t15"."n_30" AS DOUBLE) / NULLIF(
            CAST(SUM("t15"."n_30") OVER (
              PARTITION BY "t15"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_30",
          CAST("t15"."n_before" AS DOUBLE) / NULLIF(
            CAST(SUM("t15"."n_before") OVER (
              PARTITION BY "t15"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_before",
          (
            "t15"."n_365" > 0
          )
          AND (
            "t15"."n_365" = MAX("t15"."n_365") OVER (
              PARTITION BY "t15"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            )
          ) AS "preferred"
        FROM (
          SELECT
            "t4"."customer_id",
            "t4"."channel",
            COUNT(*) FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )
              AND (
                "t4"."age_days" <= 30
              )) AS "n_30",
            COUNT(*) FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )
              AND (
                "t4"."age_days" <= 90
              )) AS "n_90",
            COUNT(*) FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )
              AND (
                (
                  "t4"."age_days" > 30
                ) AND (
                  "t4"."age_days" <= 180
                )
              )) AS "n_before",
            COUNT(*) FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )
              AND (
                "t4"."age_days" <= 365
              )) AS "n_365",
            COUNT(*) FILTER(WHERE
              COALESCE("t4"."kind" IN ('outreach_sent'), FALSE) AND (
                "t4"."age_days" <= 90
              )) AS "sent_90",
            MIN("t4"."age_days") FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )) AS "last_days",
            MAX("t4"."age_days") FILTER(WHERE
              NOT (
                COALESCE(
                  "t4"."kind" IN (
                    'attribute_changed',
                    'case_resolved',
                    'case_responded',
                    'outreach_sent',
                    'price_changed',
                    'promise_kept',
                    'promise_made',
                    'survey_sent',
                    'treatment',
                    'treatment_withheld'
                  ),
                  FALSE
                )
              )
              AND (
                COALESCE("t4"."direction", 'inbound') <> 'outbound'
              )) AS "first_days",
            CAST(SUM("t4"."wait_s") FILTER(WHERE
              "t4"."age_days" <= 365) AS DOUBLE) / NULLIF(CAST(COUNT("t4"."wait_s") FILTER(WHERE
              "t4"."age_days" <= 365) AS DOUBLE), 0.0) AS "wait_s",
            CAST(SUM("t4"."rating") FILTER(WHERE
              "t4"."age_days" <= 365) AS DOUBLE) / NULLIF(CAST(COUNT("t4"."rating") FILTER(WHERE
              "t4"."age_days" <= 365) AS DOUBLE), 0.0) AS "rating"
          FROM (
            SELECT
              *
            FROM "events" AS "t1"
            WHERE
              "t1"."channel" IS NOT NULL
          ) AS "t4"
          GROUP BY
            1,
            2
        ) AS "t15"
      ) AS "t23"
    ) AS "t32"
    GROUP BY
      1
  ) AS "t37"
    ON "t3"."customer_id" = "t37"."channel_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t21"."customer_id" AS "dialogue_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t21"."kind" IN ('basket_abandoned'), FALSE)
        AND (
          "t21"."age_days" <= 90
        )
        AND COALESCE((
          "t21"."trouble_s" - "t21"."age_s"
        ) <= 604800, FALSE)) AS DOUBLE) AS "baskets_abandoned_after_trouble_90d"
    FROM (
      SELECT
        "t7"."event_id",
        "t7"."customer_id",
        "t7"."kind",
        "t7"."channel",
        "t7"."direction",
        "t7"."name",
        "t7"."amount",
        "t7"."quantity",
        "t7"."duration_s",
        "t7"."wait_s",
        "t7"."rating",
        "t7"."text",
        "t7"."case_id",
        "t7"."automated",
        "t7"."scripted",
        "t7"."agent_id",
        "t7"."campaign_id",
        "t7"."age_days",
        "t7"."age_s",
        "t7"."due_in_s",
        MIN(
          CASE
            WHEN COALESCE("t7"."kind" IN ('cancel_requested', 'case_opened', 'complaint', 'contact'), FALSE)
            AND NOT (
              COALESCE("t7"."channel" IN ('forum'), FALSE)
            )
            THEN "t7"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t7"."customer_id"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "last_said_s",
        MIN(
          CASE
            WHEN COALESCE(
              "t7"."kind" IN ('cancel_requested', 'case_opened', 'complaint', 'contact', 'contact_abandoned'),
              FALSE
            )
            AND NOT (
              COALESCE("t7"."channel" IN ('forum'), FALSE)
            )
            AND (
              COALESCE("t7"."direction", 'inbound') <> 'outbound'
            )
            THEN "t7"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t7"."customer_id"
          ORDER BY "t7"."age_s" ASC
          RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS "tried_s",
        MIN(
          CASE
            WHEN COALESCE(
              "t7"."kind" IN (
                'case_escalated',
                'case_reopened',
                'contact_abandoned',
                'error',
                'payment_failed',
                'return'
              ),
              FALSE
            )
            THEN "t7"."age_s"
            ELSE CAST(NULL AS BIGINT)
          END
        ) OVER (
          PARTITION BY "t7"."customer_id"
          ORDER BY "t7"."age_s" ASC
          RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS "trouble_s",
        CASE
          WHEN "t7"."case_id" IS NOT NULL
          THEN MAX(
            CASE
              WHEN (
                COALESCE("t7"."kind" IN ('case_responded'), FALSE)
                OR (
                  COALESCE(
                    "t7"."kind" IN (
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
                    COALESCE("t7"."direction", 'inbound') <> 'outbound'
                  )
                )
              )
              AND NOT (
                COALESCE("t7"."automated", FALSE)
              )
              THEN "t7"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t7"."customer_id", "t7"."case_id"
            ORDER BY "t7"."age_s" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
          ELSE MAX(
            CASE
              WHEN (
                COALESCE("t7"."kind" IN ('case_responded'), FALSE)
                OR (
                  COALESCE(
                    "t7"."kind" IN (
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
                    COALESCE("t7"."direction", 'inbound') <> 'outbound'
                  )
                )
              )
              AND NOT (
                COALESCE("t7"."automated", FALSE)
              )
              THEN "t7"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t7"."customer_id", "t7"."channel"
            ORDER BY "t7"."age_s" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        END AS "reply_s",
        COALESCE(
          "t7"."kind" IN ('cancel_requested', 'complaint', 'mention', 'message_private', 'review'),
          FALSE
        )
        AND (
          COALESCE("t7"."direction", 'inbound') <> 'outbound'
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
      ) AS "t7"
    ) AS "t21"
    GROUP BY
      1
  ) AS "t29"
    ON "t3"."customer_id" = "t29"."dialogue_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t30"."customer_id" AS "promise_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        (
          "t30"."late_s" > 0
        ) AND (
          "t30"."age_days" <= 365
        )) AS DOUBLE) AS "promises_kept_late_365d",
      CAST(COUNT(*) FILTER(WHERE
        (
          "t30"."late_s" = 0
        ) AND (
          "t30"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(CAST(COUNT(*) FILTER(WHERE
        "t30"."age_days" <= 365) AS DOUBLE), 0.0) AS "promises_in_time_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        NOT (
          "t30"."kept"
        ) AND (
          "t30"."age_days" <= 365
        )) AS DOUBLE) AS "promises_overdue",
      CAST(SUM("t30"."late_s") FILTER(WHERE
        "t30"."age_days" <= 365) AS DOUBLE) / NULLIF(CAST(COUNT("t30"."late_s") FILTER(WHERE
        "t30"."age_days" <= 365) AS DOUBLE), 0.0) AS "promise_delay_mean_s_365d",
      CAST(MAX("t30"."late_s") FILTER(WHERE
        "t30"."age_days" <= 365) AS DOUBLE) AS "promise_delay_longest_s_365d",
      CAST(MAX("t30"."late_s") FILTER(WHERE
        "t30"."last") AS DOUBLE) AS "promise_delay_last_s",
      CAST(MIN("t30"."age_days") FILTER(WHERE
        "t30"."late_s" > 0) AS DOUBLE) AS "days_since_promise_kept_late"
    FROM (
      SELECT
        "t25"."customer_id",
        "t25"."promise",
        "t25"."due_in_s",
        "t25"."kept_days",
        "t25"."kept_s",
        "t25"."age_days",
        "t25"."kept",
        "t25"."late_s",
        "t25"."age_days" = MIN("t25"."age_days") OVER (
          PARTITION BY "t25"."customer_id"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "last"
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t16"."customer_id",
            "t16"."promise",
            "t16"."due_in_s",
            "t16"."kept_days",
            "t16"."kept_s",
            COALESCE(
              "t16"."kept_days",
              -(
                CAST(FLOOR((
                  "t16"."due_in_s"
                ) / (
                  86400
                )) AS BIGINT)
              )
            ) AS "age_days",
            "t16"."kept_days" IS NOT NULL AS "kept",
            CASE
              WHEN CASE
                WHEN (
                  "t16"."due_in_s" % 86400
                ) = 0
                THEN (
                  -(
                    COALESCE("t16"."kept_days", 0)
                  ) - CAST(FLOOR((
                    "t16"."due_in_s"
                  ) / (
                    86400
                  )) AS BIGINT)
                ) * 86400
                ELSE -(
                  COALESCE("t16"."kept_s", 0)
                ) - "t16"."due_in_s"
              END IS NULL
              THEN CASE
                WHEN (
                  "t16"."due_in_s" % 86400
                ) = 0
                THEN (
                  -(
                    COALESCE("t16"."kept_days", 0)
                  ) - CAST(FLOOR((
                    "t16"."due_in_s"
                  ) / (
                    86400
                  )) AS BIGINT)
                ) * 86400
                ELSE -(
                  COALESCE("t16"."kept_s", 0)
                ) - "t16"."due_in_s"
              END
              ELSE GREATEST(
                0,
                CASE
                  WHEN (
                    "t16"."due_in_s" % 86400
                  ) = 0
                  THEN (
                    -(
                      COALESCE("t16"."kept_days", 0)
                    ) - CAST(FLOOR((
                      "t16"."due_in_s"
                    ) / (
                      86400
                    )) AS BIGINT)
                  ) * 86400
                  ELSE -(
                    COALESCE("t16"."kept_s", 0)
                  ) - "t16"."due_in_s"
                END
              )
            END AS "late_s"
          FROM (
            SELECT
              "t10"."customer_id",
              "t10"."promise",
              MIN("t10"."due_in_s") AS "due_in_s",
              MAX("t10"."age_days") FILTER(WHERE
                COALESCE("t10"."kind" IN ('promise_kept'), FALSE)) AS "kept_days",
              MAX("t10"."age_s") FILTER(WHERE
                COALESCE("t10"."kind" IN ('promise_kept'), FALSE)) AS "kept_s"
            FROM (
              SELECT
                "t1"."event_id",
                "t1"."customer_id",
                "t1"."kind",
                "t1"."channel",
                "t1"."direction",
                "t1"."name",
                "t1"."amount",
                "t1"."quantity",
                "t1"."duration_s",
                "t1"."wait_s",
                "t1"."rating",
                "t1"."text",
                "t1"."case_id",
                "t1"."automated",
                "t1"."scripted",
                "t1"."agent_id",
                "t1"."campaign_id",
                "t1"."age_days",
                "t1"."age_s",
                "t1"."due_in_s",
                COALESCE(
                  "t1"."case_id",
                  CAST(CAST(FLOOR((
                    "t1"."due_in_s"
                  ) / (
                    86400
                  )) AS BIGINT) AS TEXT)
                ) AS "promise"
              FROM "events" AS "t1"
              WHERE
                COALESCE("t1"."kind" IN ('promise_kept', 'promise_made'), FALSE)
                AND COALESCE(
                  "t1"."case_id",
                  CAST(CAST(FLOOR((
                    "t1"."due_in_s"
                  ) / (
                    86400
                  )) AS BIGINT) AS TEXT)
                ) IS NOT NULL
            ) AS "t10"
            GROUP BY
              1,
              2
          ) AS "t16"
        ) AS "t24"
        WHERE
          "t24"."age_days" > 0 AND "t24"."late_s" IS NOT NULL
      ) AS "t25"
    ) AS "t30"
    GROUP BY
      1
  ) AS "t35"
    ON "t3"."customer_id" = "t35"."promise_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t31"."customer_id" AS "payment_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t31"."kind" IN ('payment_failed'), FALSE)
        AND (
          "t31"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          COALESCE("t31"."kind" IN ('payment_failed', 'purchase'), FALSE)
          AND (
            "t31"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "payments_failed_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t31"."kind" IN ('payment_failed'), FALSE)
        AND COALESCE("t31"."age_s" < "t31"."last_paid_s", TRUE)) AS DOUBLE) AS "payments_failed_run"
    FROM (
      SELECT
        "t26"."event_id",
        "t26"."customer_id",
        "t26"."kind",
        "t26"."channel",
        "t26"."direction",
        "t26"."name",
        "t26"."amount",
        "t26"."quantity",
        "t26"."duration_s",
        "t26"."wait_s",
        "t26"."rating",
        "t26"."text",
        "t26"."case_id",
        "t26"."automated",
        "t26"."scripted",
        "t26"."agent_id",
        "t26"."campaign_id",
        "t26"."age_days",
        "t26"."age_s",
        "t26"."due_in_s",
        "t26"."last_paid_s",
        "t26"."step",
        COALESCE(
          CASE WHEN "t26"."step" IS NOT NULL THEN "t26"."age_s" ELSE CAST(NULL AS BIGINT) END = MIN(
            CASE WHEN "t26"."step" IS NOT NULL THEN "t26"."age_s" ELSE CAST(NULL AS BIGINT) END
          ) OVER (
            PARTITION BY "t26"."customer_id", "t26"."kind"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last"
      FROM (
        SELECT
          "t8"."event_id",
          "t8"."customer_id",
          "t8"."kind",
          "t8"."channel",
          "t8"."direction",
          "t8"."name",
          "t8"."amount",
          "t8"."quantity",
          "t8"."duration_s",
          "t8"."wait_s",
          "t8"."rating",
          "t8"."text",
          "t8"."case_id",
          "t8"."automated",
          "t8"."scripted",
          "t8"."agent_id",
          "t8"."campaign_id",
          "t8"."age_days",
          "t8"."age_s",
          "t8"."due_in_s",
          MIN(
            CASE
              WHEN COALESCE("t8"."kind" IN ('purchase'), FALSE)
              THEN "t8"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t8"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS "last_paid_s",
          CASE
            WHEN (
              "t8"."amount" IS NOT NULL
            )
            AND NOT (
              COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
            )
            AND COALESCE("t8"."kind" IN ('plan_changed', 'price_changed'), FALSE)
            THEN CASE
              WHEN LAG("t8"."amount") OVER (
                PARTITION BY "t8"."customer_id", (
                  "t8"."amount" IS NOT NULL
                )
                AND NOT (
                  COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                ), COALESCE("t8"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) > 0
              THEN CAST("t8"."amount" AS DOUBLE) / NULLIF(
                CAST(LAG("t8"."amount") OVER (
                  PARTITION BY "t8"."customer_id", (
                    "t8"."amount" IS NOT NULL
                  )
                  AND NOT (
                    COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                  ), COALESCE("t8"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                  ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) AS DOUBLE),
                0.0
              )
              ELSE CASE
                WHEN (
                  LAG("t8"."amount") OVER (
                    PARTITION BY "t8"."customer_id", (
                      "t8"."amount" IS NOT NULL
                    )
                    AND NOT (
                      COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                    ), COALESCE("t8"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                    ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                  ) IS NULL
                )
                AND (
                  COALESCE("t8"."kind" IN ('plan_changed'), FALSE)
                  OR (
                    (
                      (
                        CAST("t8"."amount" AS DOUBLE) / NULLIF(
                          CAST(CASE
                            WHEN LAG("t8"."amount") OVER (
                              PARTITION BY "t8"."customer_id", (
                                "t8"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            ) > 0
                            THEN LAG("t8"."amount") OVER (
                              PARTITION BY "t8"."customer_id", (
                                "t8"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            )
                            ELSE CAST(NULL AS DECIMAL(18, 4))
                          END AS DOUBLE),
                          0.0
                        )
                      ) > 0.5
                    )
                    AND (
                      (
                        CAST("t8"."amount" AS DOUBLE) / NULLIF(
                          CAST(CASE
                            WHEN LAG("t8"."amount") OVER (
                              PARTITION BY "t8"."customer_id", (
                                "t8"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            ) > 0
                            THEN LAG("t8"."amount") OVER (
                              PARTITION BY "t8"."customer_id", (
                                "t8"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            )
                            ELSE CAST(NULL AS DECIMAL(18, 4))
                          END AS DOUBLE),
                          0.0
                        )
                      ) < 2
                    )
                  )
                )
                THEN CAST("t8"."amount" AS DOUBLE) / NULLIF(
                  CAST(CASE
                    WHEN LAG("t8"."amount") OVER (
                      PARTITION BY "t8"."customer_id", (
                        "t8"."amount" IS NOT NULL
                      )
                      AND NOT (
                        COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                      )
                      ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) > 0
                    THEN LAG("t8"."amount") OVER (
                      PARTITION BY "t8"."customer_id", (
                        "t8"."amount" IS NOT NULL
                      )
                      AND NOT (
                        COALESCE("t8"."kind" IN ('payment_failed'), FALSE)
                      )
                      ORDER BY "t8"."age_s" DESC, "t8"."kind" ASC, "t8"."amount" ASC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    )
                    ELSE CAST(NULL AS DECIMAL(18, 4))
                  END AS DOUBLE),
                  0.0
                )
                ELSE CAST(NULL AS DOUBLE)
              END
            END
            ELSE CAST(NULL AS DOUBLE)
          END AS "step"
        FROM (
          SELECT
            *
          FROM "events" AS "t1"
          WHERE
            COALESCE(
              "t1"."kind" IN ('payment_failed', 'plan_changed', 'price_changed', 'purchase'),
              FALSE
            )
        ) AS "t8"
      ) AS "t26"
    ) AS "t31"
    GROUP BY
      1
  ) AS "t39"
    ON "t3"."customer_id" = "t39"."payment_customer_id"
) AS "t42"
