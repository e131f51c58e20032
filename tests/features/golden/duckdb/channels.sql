SELECT
  "t13"."customer_id",
  "t13"."channel_share_app_30d",
  "t13"."channel_share_app_90d",
  "t13"."days_since_channel_app",
  "t13"."prefers_channel_app",
  "t13"."channel_share_forum_30d",
  "t13"."channel_share_forum_90d",
  "t13"."days_since_channel_forum",
  "t13"."prefers_channel_forum",
  "t13"."channels_used_90d",
  "t13"."channel_entropy_90d",
  "t13"."channel_concentration_90d",
  "t13"."channel_drift_90d",
  "t13"."new_channels_30d",
  "t13"."abandoned_channels_30d",
  "t13"."days_since_preferred_channel",
  "t13"."preferred_channel_share_90d",
  "t13"."outreach_off_preferred_share_90d",
  "t13"."digital_share_90d",
  "t13"."dark_share_90d",
  "t13"."dark_matter"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."tenure_days",
    "t3"."days_to_end",
    COALESCE("t8"."dark_matter", 1.0) AS "dark_matter",
    "t12"."channel_share_app_30d",
    "t12"."channel_share_app_90d",
    "t12"."days_since_channel_app",
    "t12"."prefers_channel_app",
    "t12"."channel_share_forum_30d",
    "t12"."channel_share_forum_90d",
    "t12"."days_since_channel_forum",
    "t12"."prefers_channel_forum",
    COALESCE("t12"."channels_used_90d", 0.0) AS "channels_used_90d",
    "t12"."channel_entropy_90d",
    "t12"."channel_concentration_90d",
    "t12"."channel_drift_90d",
    "t12"."new_channels_30d",
    COALESCE("t12"."abandoned_channels_30d", 0.0) AS "abandoned_channels_30d",
    "t12"."days_since_preferred_channel",
    "t12"."preferred_channel_share_90d",
    "t12"."outreach_off_preferred_share_90d",
    "t12"."digital_share_90d",
    "t12"."dark_share_90d"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t5"."customer_id" AS "fact_customer_id",
      CAST(CASE
        WHEN COUNT(*) FILTER(WHERE
          COALESCE("t5"."kind" IN ('case_opened', 'complaint', 'contact'), FALSE)
          AND NOT (
            COALESCE("t5"."channel" IN ('forum'), FALSE)
          )) = 0
        THEN 1
        ELSE 0
      END AS DOUBLE) AS "dark_matter"
    FROM (
      SELECT
        *
      FROM "events" AS "t1"
      WHERE
        NOT (
          COALESCE("t1"."kind" IN ('activity', 'purchase'), FALSE)
        )
    ) AS "t5"
    GROUP BY
      1
  ) AS "t8"
    ON "t3"."customer_id" = "t8"."fact_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t10"."customer_id" AS "channel_customer_id",
      CAST(COALESCE(SUM("t10"."n_30") FILTER(WHERE
        "t10"."channel" = 'app'), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_30") AS DOUBLE), 0.0) AS "channel_share_app_30d",
      CAST(COALESCE(SUM("t10"."n_90") FILTER(WHERE
        "t10"."channel" = 'app'), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_90") AS DOUBLE), 0.0) AS "channel_share_app_90d",
      CAST(MIN("t10"."last_days") FILTER(WHERE
        "t10"."channel" = 'app') AS DOUBLE) AS "days_since_channel_app",
      CASE
        WHEN COUNT(*) FILTER(WHERE
          "t10"."preferred") > 0
        THEN CAST(CASE
          WHEN COUNT(*) FILTER(WHERE
            "t10"."preferred" AND (
              "t10"."channel" = 'app'
            )) > 0
          THEN 1
          ELSE 0
        END AS DOUBLE)
        ELSE CAST(NULL AS DOUBLE)
      END AS "prefers_channel_app",
      CAST(COALESCE(SUM("t10"."n_30") FILTER(WHERE
        "t10"."channel" = 'forum'), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_30") AS DOUBLE), 0.0) AS "channel_share_forum_30d",
      CAST(COALESCE(SUM("t10"."n_90") FILTER(WHERE
        "t10"."channel" = 'forum'), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_90") AS DOUBLE), 0.0) AS "channel_share_forum_90d",
      CAST(MIN("t10"."last_days") FILTER(WHERE
        "t10"."channel" = 'forum') AS DOUBLE) AS "days_since_channel_forum",
      CASE
        WHEN COUNT(*) FILTER(WHERE
          "t10"."preferred") > 0
        THEN CAST(CASE
          WHEN COUNT(*) FILTER(WHERE
            "t10"."preferred" AND (
              "t10"."channel" = 'forum'
            )) > 0
          THEN 1
          ELSE 0
        END AS DOUBLE)
        ELSE CAST(NULL AS DOUBLE)
      END AS "prefers_channel_forum",
      CAST(COUNT(*) FILTER(WHERE
        "t10"."n_90" > 0) AS DOUBLE) AS "channels_used_90d",
      CAST(SUM("t10"."bits_90") AS DOUBLE) AS "channel_entropy_90d",
      MAX("t10"."share_90") AS "channel_concentration_90d",
      CAST(SUM("t10"."divergence") AS DOUBLE) AS "channel_drift_90d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t10"."first_days" <= 30, FALSE)) + CASE WHEN MAX("t10"."first_days") > 30 THEN 0 ELSE NULL END AS DOUBLE) AS "new_channels_30d",
      CAST(COUNT(*) FILTER(WHERE
        (
          "t10"."n_before" > 0
        ) AND (
          "t10"."n_30" = 0
        )) AS DOUBLE) AS "abandoned_channels_30d",
      CAST(MIN("t10"."last_days") FILTER(WHERE
        "t10"."preferred") AS DOUBLE) AS "days_since_preferred_channel",
      MAX("t10"."share_90") FILTER(WHERE
        "t10"."preferred") AS "preferred_channel_share_90d",
      CAST(COALESCE(SUM("t10"."sent_90") FILTER(WHERE
        NOT (
          "t10"."preferred"
        )), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."sent_90") AS DOUBLE), 0.0) AS "outreach_off_preferred_share_90d",
      CAST(COALESCE(SUM("t10"."n_90") FILTER(WHERE
        "t10"."channel" IN ('app')), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_90") AS DOUBLE), 0.0) AS "digital_share_90d",
      CAST(COALESCE(SUM("t10"."n_90") FILTER(WHERE
        "t10"."channel" IN ('forum')), 0) AS DOUBLE) / NULLIF(CAST(SUM("t10"."n_90") AS DOUBLE), 0.0) AS "dark_share_90d"
    FROM (
      SELECT
        "t9"."customer_id",
        "t9"."channel",
        "t9"."n_30",
        "t9"."n_90",
        "t9"."n_before",
        "t9"."n_365",
        "t9"."sent_90",
        "t9"."last_days",
        "t9"."first_days",
        "t9"."wait_s",
        "t9"."rating",
        "t9"."share_90",
        "t9"."share_30",
        "t9"."share_before",
        "t9"."preferred",
        CAST(-(
          "t9"."share_90"
        ) * LOG(2, NULLIF("t9"."share_90", 0.0)) AS DECIMAL(18, 12)) AS "bits_90",
        CAST(CASE
          WHEN (
            (
              "t9"."share_30" + "t9"."share_before"
            ) / 2
          ) IS NOT NULL
          THEN COALESCE(
            (
              "t9"."share_30" * LOG(
                2,
                NULLIF(
                  "t9"."share_30" / NULLIF((
                    "t9"."share_30" + "t9"."share_before"
                  ) / 2, 0.0),
                  0.0
                )
              )
            ) / 2,
            0.0
          ) + 0 + COALESCE(
            (
              "t9"."share_before" * LOG(
                2,
                NULLIF(
                  "t9"."share_before" / NULLIF((
                    "t9"."share_30" + "t9"."share_before"
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
          "t6"."customer_id",
          "t6"."channel",
          "t6"."n_30",
          "t6"."n_90",
          "t6"."n_before",
          "t6"."n_365",
          "t6"."sent_90",
          "t6"."last_days",
          "t6"."first_days",
          "t6"."wait_s",
          "t6"."rating",
          CAST("t6"."n_90" AS DOUBLE) / NULLIF(
            CAST(SUM("t6"."n_90") OVER (
              PARTITION BY "t6"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_90",
          CAST("t6"."n_30" AS DOUBLE) / NULLIF(
            CAST(SUM("t6"."n_30") OVER (
              PARTITION BY "t6"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_30",
          CAST("t6"."n_before" AS DOUBLE) / NULLIF(
            CAST(SUM("t6"."n_before") OVER (
              PARTITION BY "t6"."customer_id"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS DOUBLE),
            0.0
          ) AS "share_before",
          (
            "t6"."n_365" > 0
          )
          AND (
            "t6"."n_365" = MAX("t6"."n_365") OVER (
              PARTITION BY "t6"."customer_id"
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
        ) AS "t6"
      ) AS "t9"
    ) AS "t10"
    GROUP BY
      1
  ) AS "t12"
    ON "t3"."customer_id" = "t12"."channel_customer_id"
) AS "t13"
