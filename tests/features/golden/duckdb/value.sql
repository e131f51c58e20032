SELECT
  "t18"."customer_id",
  CAST("t18"."tenure_days" AS DOUBLE) AS "tenure_days",
  CAST("t18"."days_to_end" AS DOUBLE) AS "days_to_end",
  "t18"."closures",
  "t18"."days_since_closure",
  "t18"."amount_30d",
  "t18"."amount_90d",
  "t18"."amount_365d",
  (
    "t18"."amount_90d" / 90
  ) / NULLIF(
    (
      "t18"."amount_365d" - "t18"."amount_90d"
    ) / NULLIF(
      CASE
        WHEN (
          CASE
            WHEN "t18"."days_since_first_amount" IS NULL
            THEN "t18"."days_since_first_amount"
            ELSE LEAST(365, "t18"."days_since_first_amount")
          END - 90
        ) >= 14
        THEN CASE
          WHEN "t18"."days_since_first_amount" IS NULL
          THEN "t18"."days_since_first_amount"
          ELSE LEAST(365, "t18"."days_since_first_amount")
        END - 90
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "amount_trend_90d",
  "t18"."mean_amount_365d",
  "t18"."plan_changes_365d",
  "t18"."plan_step_last",
  "t18"."plan_rises_365d",
  "t18"."price_changes_365d",
  "t18"."price_step_last",
  "t18"."price_rises_365d",
  "t18"."cancel_requests_365d",
  "t18"."cancel_asked_again_365d",
  COALESCE(
    CAST(CASE
      WHEN COALESCE("t18"."_days_silent" < "t18"."_days_since_cancel", FALSE)
      THEN 1
      ELSE 0
    END AS DOUBLE),
    0.0
  ) AS "cancel_abandoned"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."tenure_days",
    "t3"."days_to_end",
    COALESCE("t8"."amount_30d", 0.0) AS "amount_30d",
    COALESCE("t8"."amount_90d", 0.0) AS "amount_90d",
    COALESCE("t8"."amount_365d", 0.0) AS "amount_365d",
    "t8"."days_since_first_amount",
    "t8"."mean_amount_365d",
    COALESCE("t12"."closures", 0.0) AS "closures",
    "t12"."days_since_closure",
    COALESCE("t12"."cancel_requests_365d", 0.0) AS "cancel_requests_365d",
    COALESCE("t12"."cancel_asked_again_365d", 0.0) AS "cancel_asked_again_365d",
    "t12"."_days_since_cancel",
    "t13"."_days_silent",
    COALESCE("t17"."plan_changes_365d", 0.0) AS "plan_changes_365d",
    "t17"."plan_step_last",
    COALESCE("t17"."plan_rises_365d", 0.0) AS "plan_rises_365d",
    COALESCE("t17"."price_changes_365d", 0.0) AS "price_changes_365d",
    "t17"."price_step_last",
    COALESCE("t17"."price_rises_365d", 0.0) AS "price_rises_365d"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t1"."customer_id" AS "event_customer_id",
      CAST(SUM("t1"."amount") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
          "t1"."age_days" <= 30
        )) AS DOUBLE) AS "amount_30d",
      CAST(SUM("t1"."amount") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
          "t1"."age_days" <= 90
        )) AS DOUBLE) AS "amount_90d",
      CAST(SUM("t1"."amount") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
          "t1"."age_days" <= 365
        )) AS DOUBLE) AS "amount_365d",
      CAST(MAX("t1"."age_days") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE)) AS DOUBLE) AS "days_since_first_amount",
      CAST(SUM("t1"."amount") FILTER(WHERE
        COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
          "t1"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT("t1"."amount") FILTER(WHERE
          COALESCE("t1"."kind" IN ('purchase'), FALSE) AND (
            "t1"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "mean_amount_365d"
    FROM "events" AS "t1"
    GROUP BY
      1
  ) AS "t8"
    ON "t3"."customer_id" = "t8"."event_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t6"."customer_id" AS "fact_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('closed'), FALSE)) AS DOUBLE) AS "closures",
      CAST(MIN("t6"."age_days") FILTER(WHERE
        COALESCE("t6"."kind" IN ('closed'), FALSE)) AS DOUBLE) AS "days_since_closure",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) AS "cancel_requests_365d",
      CAST(CASE
        WHEN (
          COUNT(*) FILTER(WHERE
            COALESCE("t6"."kind" IN ('cancel_requested'), FALSE)
            AND (
              "t6"."age_days" <= 365
            )) - 1
        ) IS NULL
        THEN COUNT(*) FILTER(WHERE
          COALESCE("t6"."kind" IN ('cancel_requested'), FALSE)
          AND (
            "t6"."age_days" <= 365
          )) - 1
        ELSE GREATEST(
          0,
          COUNT(*) FILTER(WHERE
            COALESCE("t6"."kind" IN ('cancel_requested'), FALSE)
            AND (
              "t6"."age_days" <= 365
            )) - 1
        )
      END AS DOUBLE) AS "cancel_asked_again_365d",
      CAST(MIN("t6"."age_days") FILTER(WHERE
        COALESCE("t6"."kind" IN ('cancel_requested'), FALSE)
        AND (
          "t6"."age_days" <= 365
        )) AS DOUBLE) AS "_days_since_cancel"
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
  ) AS "t12"
    ON "t3"."customer_id" = "t12"."fact_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t9"."customer_id" AS "day_customer_id",
      CAST(MIN("t9"."age_days") AS DOUBLE) AS "_days_silent"
    FROM (
      SELECT
        "t4"."customer_id",
        "t4"."age_days",
        CAST(LEAD("t4"."age_days") OVER (
          PARTITION BY "t4"."customer_id"
          ORDER BY "t4"."age_days" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - "t4"."age_days" AS SMALLINT) AS "gap_days",
        FIRST_VALUE("t4"."age_days") OVER (
          PARTITION BY "t4"."customer_id"
          ORDER BY "t4"."age_days" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "silence_days"
      FROM (
        SELECT DISTINCT
          "t1"."customer_id",
          "t1"."age_days"
        FROM "events" AS "t1"
        WHERE
          COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)
      ) AS "t4"
    ) AS "t9"
    GROUP BY
      1
  ) AS "t13"
    ON "t3"."customer_id" = "t13"."day_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t15"."customer_id" AS "payment_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t15"."kind" IN ('plan_changed'), FALSE)
        AND (
          "t15"."age_days" <= 365
        )) AS DOUBLE) AS "plan_changes_365d",
      MAX("t15"."step") FILTER(WHERE
        COALESCE("t15"."kind" IN ('plan_changed'), FALSE) AND "t15"."last") AS "plan_step_last",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t15"."kind" IN ('plan_changed'), FALSE)
        AND (
          "t15"."age_days" <= 365
        )
        AND COALESCE("t15"."step" > 1, FALSE)) AS DOUBLE) AS "plan_rises_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t15"."kind" IN ('price_changed'), FALSE)
        AND (
          "t15"."age_days" <= 365
        )) AS DOUBLE) AS "price_changes_365d",
      MAX("t15"."step") FILTER(WHERE
        COALESCE("t15"."kind" IN ('price_changed'), FALSE) AND "t15"."last") AS "price_step_last",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t15"."kind" IN ('price_changed'), FALSE)
        AND (
          "t15"."age_days" <= 365
        )
        AND COALESCE("t15"."step" > 1, FALSE)) AS DOUBLE) AS "price_rises_365d"
    FROM (
      SELECT
        "t14"."event_id",
        "t14"."customer_id",
        "t14"."kind",
        "t14"."channel",
        "t14"."direction",
        "t14"."name",
        "t14"."amount",
        "t14"."quantity",
        "t14"."duration_s",
        "t14"."wait_s",
        "t14"."rating",
        "t14"."text",
        "t14"."case_id",
        "t14"."automated",
        "t14"."scripted",
        "t14"."agent_id",
        "t14"."campaign_id",
        "t14"."age_days",
        "t14"."age_s",
        "t14"."due_in_s",
        "t14"."last_paid_s",
        "t14"."step",
        COALESCE(
          CASE WHEN "t14"."step" IS NOT NULL THEN "t14"."age_s" ELSE CAST(NULL AS BIGINT) END = MIN(
            CASE WHEN "t14"."step" IS NOT NULL THEN "t14"."age_s" ELSE CAST(NULL AS BIGINT) END
          ) OVER (
            PARTITION BY "t14"."customer_id", "t14"."kind"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS "last"
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
              WHEN COALESCE("t5"."kind" IN ('purchase'), FALSE)
              THEN "t5"."age_s"
              ELSE CAST(NULL AS BIGINT)
            END
          ) OVER (
            PARTITION BY "t5"."customer_id"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS "last_paid_s",
          CASE
            WHEN (
              "t5"."amount" IS NOT NULL
            )
            AND NOT (
              COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
            )
            AND COALESCE("t5"."kind" IN ('plan_changed', 'price_changed'), FALSE)
            THEN CASE
              WHEN LAG("t5"."amount") OVER (
                PARTITION BY "t5"."customer_id", (
                  "t5"."amount" IS NOT NULL
                )
                AND NOT (
                  COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                ), COALESCE("t5"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) > 0
              THEN CAST("t5"."amount" AS DOUBLE) / NULLIF(
                CAST(LAG("t5"."amount") OVER (
                  PARTITION BY "t5"."customer_id", (
                    "t5"."amount" IS NOT NULL
                  )
                  AND NOT (
                    COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                  ), COALESCE("t5"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                  ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) AS DOUBLE),
                0.0
              )
              ELSE CASE
                WHEN (
                  LAG("t5"."amount") OVER (
                    PARTITION BY "t5"."customer_id", (
                      "t5"."amount" IS NOT NULL
                    )
                    AND NOT (
                      COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                    ), COALESCE("t5"."kind" IN ('plan_changed', 'price_changed'), FALSE)
                    ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                  ) IS NULL
                )
                AND (
                  COALESCE("t5"."kind" IN ('plan_changed'), FALSE)
                  OR (
                    (
                      (
                        CAST("t5"."amount" AS DOUBLE) / NULLIF(
                          CAST(CASE
                            WHEN LAG("t5"."amount") OVER (
                              PARTITION BY "t5"."customer_id", (
                                "t5"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            ) > 0
                            THEN LAG("t5"."amount") OVER (
                              PARTITION BY "t5"."customer_id", (
                                "t5"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
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
                        CAST("t5"."amount" AS DOUBLE) / NULLIF(
                          CAST(CASE
                            WHEN LAG("t5"."amount") OVER (
                              PARTITION BY "t5"."customer_id", (
                                "t5"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                            ) > 0
                            THEN LAG("t5"."amount") OVER (
                              PARTITION BY "t5"."customer_id", (
                                "t5"."amount" IS NOT NULL
                              )
                              AND NOT (
                                COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                              )
                              ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
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
                THEN CAST("t5"."amount" AS DOUBLE) / NULLIF(
                  CAST(CASE
                    WHEN LAG("t5"."amount") OVER (
                      PARTITION BY "t5"."customer_id", (
                        "t5"."amount" IS NOT NULL
                      )
                      AND NOT (
                        COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                      )
                      ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) > 0
                    THEN LAG("t5"."amount") OVER (
                      PARTITION BY "t5"."customer_id", (
                        "t5"."amount" IS NOT NULL
                      )
                      AND NOT (
                        COALESCE("t5"."kind" IN ('payment_failed'), FALSE)
                      )
                      ORDER BY "t5"."age_s" DESC, "t5"."kind" ASC, "t5"."amount" ASC
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
        ) AS "t5"
      ) AS "t14"
    ) AS "t15"
    GROUP BY
      1
  ) AS "t17"
    ON "t3"."customer_id" = "t17"."payment_customer_id"
) AS "t18"
