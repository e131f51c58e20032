SELECT
  "t15"."customer_id",
  "t15"."surveys_sent_365d",
  "t15"."surveys_answered_share_365d",
  "t15"."surveys_ignored_365d",
  "t15"."surveys_unanswered_run",
  "t15"."stopped_answering_surveys",
  "t15"."rating_last",
  "t15"."days_since_rating",
  "t15"."rating_mean_365d",
  "t15"."rating_lowest_365d",
  "t15"."rating_change_last",
  "t15"."rating_change_90d",
  "t15"."reviews_365d",
  "t15"."mentions_365d",
  "t15"."private_messages_365d",
  "t15"."referrals_365d",
  "t15"."review_rating_mean_365d",
  "t15"."said_elsewhere_365d"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."tenure_days",
    "t3"."days_to_end",
    COALESCE("t10"."reviews_365d", 0.0) AS "reviews_365d",
    COALESCE("t10"."mentions_365d", 0.0) AS "mentions_365d",
    COALESCE("t10"."private_messages_365d", 0.0) AS "private_messages_365d",
    COALESCE("t10"."referrals_365d", 0.0) AS "referrals_365d",
    COALESCE("t10"."said_elsewhere_365d", 0.0) AS "said_elsewhere_365d",
    COALESCE("t14"."surveys_sent_365d", 0.0) AS "surveys_sent_365d",
    "t14"."surveys_answered_share_365d",
    COALESCE("t14"."surveys_ignored_365d", 0.0) AS "surveys_ignored_365d",
    COALESCE("t14"."surveys_unanswered_run", 0.0) AS "surveys_unanswered_run",
    "t14"."stopped_answering_surveys",
    "t12"."rating_last",
    "t12"."days_since_rating",
    "t12"."rating_mean_365d",
    "t12"."rating_lowest_365d",
    "t12"."rating_change_last",
    "t12"."rating_change_90d",
    "t12"."review_rating_mean_365d"
  FROM (
    SELECT
      *
    FROM "spine" AS "t0"
  ) AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t5"."customer_id" AS "fact_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t5"."kind" IN ('review'), FALSE)
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t5"."age_days" <= 365
        )) AS DOUBLE) AS "reviews_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t5"."kind" IN ('mention'), FALSE)
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t5"."age_days" <= 365
        )) AS DOUBLE) AS "mentions_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t5"."kind" IN ('message_private'), FALSE)
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t5"."age_days" <= 365
        )) AS DOUBLE) AS "private_messages_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t5"."kind" IN ('referral'), FALSE)
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        )
        AND (
          "t5"."age_days" <= 365
        )) AS DOUBLE) AS "referrals_365d",
      CAST(COUNT(*) FILTER(WHERE
        COALESCE("t5"."kind" IN ('mention', 'message_private', 'review'), FALSE)
        AND (
          COALESCE("t5"."direction", 'inbound') <> 'outbound'
        )
        AND COALESCE("t5"."channel" IN ('forum'), FALSE)
        AND (
          "t5"."age_days" <= 365
        )) AS DOUBLE) AS "said_elsewhere_365d"
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
  ) AS "t10"
    ON "t3"."customer_id" = "t10"."fact_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t8"."customer_id" AS "asked_customer_id",
      CAST(COUNT(*) FILTER(WHERE
        "t8"."sent" AND "t8"."survey" AND (
          "t8"."age_days" <= 365
        )) AS DOUBLE) AS "surveys_sent_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t8"."sent" AND "t8"."survey" AND "t8"."answered" AND (
          "t8"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          "t8"."sent" AND "t8"."survey" AND (
            "t8"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "surveys_answered_share_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t8"."sent"
        AND "t8"."survey"
        AND NOT (
          "t8"."answered"
        )
        AND (
          (
            "t8"."age_days" > 14
          ) AND (
            "t8"."age_days" <= 365
          )
        )) AS DOUBLE) AS "surveys_ignored_365d",
      CAST(COUNT(*) FILTER(WHERE
        "t8"."sent"
        AND "t8"."survey"
        AND (
          COALESCE("t8"."age_s" < "t8"."last_answer_s", TRUE)
          AND (
            "t8"."age_days" > 14
          )
        )) AS DOUBLE) AS "surveys_unanswered_run",
      CASE
        WHEN COUNT(*) FILTER(WHERE
          "t8"."survey") > 0
        THEN CAST(CASE
          WHEN (
            COUNT(*) FILTER(WHERE
              "t8"."survey" AND NOT (
                "t8"."sent"
              )) > 0
          )
          AND (
            COUNT(*) FILTER(WHERE
              "t8"."sent"
              AND "t8"."survey"
              AND (
                COALESCE("t8"."age_s" < "t8"."last_answer_s", TRUE)
                AND (
                  "t8"."age_days" > 14
                )
              )) > 0
          )
          THEN 1
          ELSE 0
        END AS DOUBLE)
        ELSE CAST(NULL AS DOUBLE)
      END AS "stopped_answering_surveys"
    FROM (
      SELECT
        "t6"."event_id",
        "t6"."customer_id",
        "t6"."kind",
        "t6"."channel",
        "t6"."direction",
        "t6"."name",
        "t6"."amount",
        "t6"."quantity",
        "t6"."duration_s",
        "t6"."wait_s",
        "t6"."rating",
        "t6"."text",
        "t6"."case_id",
        "t6"."automated",
        "t6"."scripted",
        "t6"."agent_id",
        "t6"."campaign_id",
        "t6"."age_days",
        "t6"."age_s",
        "t6"."due_in_s",
        "t6"."sent",
        "t6"."survey",
        "t6"."sent"
        AND NOT (
          COALESCE(
            LEAD("t6"."sent") OVER (
              PARTITION BY "t6"."customer_id", "t6"."survey", CASE WHEN "t6"."survey" THEN CAST(NULL AS TEXT) ELSE "t6"."campaign_id" END
              ORDER BY "t6"."age_s" DESC, "t6"."sent" DESC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ),
            TRUE
          )
        ) AS "answered",
        "t6"."sent"
        AND NOT (
          COALESCE(
            LEAD("t6"."sent") OVER (
              PARTITION BY "t6"."customer_id", "t6"."survey", CASE WHEN "t6"."survey" THEN CAST(NULL AS TEXT) ELSE "t6"."campaign_id" END, COALESCE("t6"."kind" IN ('outreach_opened'), FALSE)
              ORDER BY "t6"."age_s" DESC, "t6"."sent" DESC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ),
            TRUE
          )
        ) AS "clicked",
        LAG("t6"."age_s") OVER (
          PARTITION BY "t6"."customer_id", "t6"."survey", "t6"."sent"
          ORDER BY "t6"."age_s" DESC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - "t6"."age_s" AS "gap_s",
        MIN(CASE WHEN NOT (
          "t6"."sent"
        ) THEN "t6"."age_s" ELSE CAST(NULL AS BIGINT) END) OVER (
          PARTITION BY "t6"."customer_id", "t6"."survey"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "last_answer_s"
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
          NOT (
            COALESCE("t1"."kind" IN ('outreach_clicked', 'outreach_opened', 'survey_answered'), FALSE)
          ) AS "sent",
          COALESCE("t1"."kind" IN ('survey_answered', 'survey_sent'), FALSE) AS "survey"
        FROM "events" AS "t1"
        WHERE
          COALESCE(
            "t1"."kind" IN (
              'outreach_clicked',
              'outreach_opened',
              'outreach_sent',
              'survey_answered',
              'survey_sent'
            ),
            FALSE
          )
      ) AS "t6"
    ) AS "t8"
    GROUP BY
      1
  ) AS "t14"
    ON "t3"."customer_id" = "t14"."asked_customer_id"
  LEFT OUTER JOIN (
    SELECT
      "t7"."customer_id" AS "rated_customer_id",
      CAST(SUM("t7"."rating") FILTER(WHERE
        "t7"."last") AS DOUBLE) / NULLIF(CAST(COUNT("t7"."rating") FILTER(WHERE
        "t7"."last") AS DOUBLE), 0.0) AS "rating_last",
      CAST(MIN("t7"."age_days") AS DOUBLE) AS "days_since_rating",
      CAST(SUM("t7"."rating") FILTER(WHERE
        "t7"."age_days" <= 365) AS DOUBLE) / NULLIF(CAST(COUNT("t7"."rating") FILTER(WHERE
        "t7"."age_days" <= 365) AS DOUBLE), 0.0) AS "rating_mean_365d",
      CAST(MIN("t7"."rating") FILTER(WHERE
        "t7"."age_days" <= 365) AS DOUBLE) AS "rating_lowest_365d",
      (
        CAST(SUM("t7"."rating") FILTER(WHERE
          "t7"."last") AS DOUBLE) / NULLIF(CAST(COUNT("t7"."rating") FILTER(WHERE
          "t7"."last") AS DOUBLE), 0.0)
      ) - (
        CAST(SUM("t7"."rating") FILTER(WHERE
          NOT (
            "t7"."last"
          )) AS DOUBLE) / NULLIF(
          CAST(COUNT("t7"."rating") FILTER(WHERE
            NOT (
              "t7"."last"
            )) AS DOUBLE),
          0.0
        )
      ) AS "rating_change_last",
      (
        CAST(SUM("t7"."rating") FILTER(WHERE
          "t7"."age_days" <= 90) AS DOUBLE) / NULLIF(CAST(COUNT("t7"."rating") FILTER(WHERE
          "t7"."age_days" <= 90) AS DOUBLE), 0.0)
      ) - (
        CAST(SUM("t7"."rating") FILTER(WHERE
          (
            "t7"."age_days" > 90
          ) AND (
            "t7"."age_days" <= 365
          )) AS DOUBLE) / NULLIF(
          CAST(COUNT("t7"."rating") FILTER(WHERE
            (
              "t7"."age_days" > 90
            ) AND (
              "t7"."age_days" <= 365
            )) AS DOUBLE),
          0.0
        )
      ) AS "rating_change_90d",
      CAST(SUM("t7"."rating") FILTER(WHERE
        COALESCE("t7"."kind" IN ('review'), FALSE) AND (
          "t7"."age_days" <= 365
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT("t7"."rating") FILTER(WHERE
          COALESCE("t7"."kind" IN ('review'), FALSE) AND (
            "t7"."age_days" <= 365
          )) AS DOUBLE),
        0.0
      ) AS "review_rating_mean_365d"
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
        "t4"."age_s" = MIN("t4"."age_s") OVER (
          PARTITION BY "t4"."customer_id"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "last"
      FROM (
        SELECT
          *
        FROM "events" AS "t1"
        WHERE
          "t1"."rating" IS NOT NULL
      ) AS "t4"
    ) AS "t7"
    GROUP BY
      1
  ) AS "t12"
    ON "t3"."customer_id" = "t12"."rated_customer_id"
) AS "t15"
