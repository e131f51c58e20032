SELECT
  `t15`.`customer_id`,
  `t15`.`messages_answered_share_90d`,
  `t15`.`messages_answered_share_365d`,
  `t15`.`messages_clicked_share_90d`,
  `t15`.`messages_clicked_share_365d`,
  `t15`.`messages_answered_trend_90d`,
  `t15`.`messages_unanswered_run`,
  `t15`.`days_since_message_answered`,
  `t15`.`messages_sent_7d`,
  `t15`.`messages_sent_365d`,
  (
    `t15`.`messages_sent_30d` / 30
  ) / NULLIF(
    (
      `t15`.`messages_sent_180d` - `t15`.`messages_sent_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t15`.`days_since_first_message` IS NULL,
            `t15`.`days_since_first_message`,
            LEAST(180, `t15`.`days_since_first_message`)
          ) - 30
        ) >= 14,
        IF(
          `t15`.`days_since_first_message` IS NULL,
          `t15`.`days_since_first_message`,
          LEAST(180, `t15`.`days_since_first_message`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `messages_trend_30d`,
  `t15`.`messages_crowded_share_90d`,
  `t15`.`messages_sent_90d` / NULLIF(`t15`.`_active_days_90d`, 0.0) AS `messages_per_active_day_90d`,
  `t15`.`marketing_per_service_message_365d`,
  `t15`.`unsubscribed_365d`,
  `t15`.`data_requests_365d`,
  `t15`.`opt_outs_365d`,
  `t15`.`opted_out`
FROM (
  SELECT
    `t3`.`customer_id`,
    `t3`.`tenure_days`,
    `t3`.`days_to_end`,
    COALESCE(`t12`.`marketing_per_service_message_365d`, 0.0) AS `marketing_per_service_message_365d`,
    COALESCE(`t12`.`unsubscribed_365d`, 0.0) AS `unsubscribed_365d`,
    COALESCE(`t12`.`data_requests_365d`, 0.0) AS `data_requests_365d`,
    COALESCE(`t12`.`opt_outs_365d`, 0.0) AS `opt_outs_365d`,
    COALESCE(`t12`.`opted_out`, 0.0) AS `opted_out`,
    COALESCE(`t10`.`_active_days_90d`, 0.0) AS `_active_days_90d`,
    `t14`.`messages_answered_share_90d`,
    `t14`.`messages_answered_share_365d`,
    `t14`.`messages_clicked_share_90d`,
    `t14`.`messages_clicked_share_365d`,
    `t14`.`messages_answered_trend_90d`,
    COALESCE(`t14`.`messages_unanswered_run`, 0.0) AS `messages_unanswered_run`,
    `t14`.`days_since_message_answered`,
    COALESCE(`t14`.`messages_sent_7d`, 0.0) AS `messages_sent_7d`,
    COALESCE(`t14`.`messages_sent_365d`, 0.0) AS `messages_sent_365d`,
    COALESCE(`t14`.`messages_sent_30d`, 0.0) AS `messages_sent_30d`,
    COALESCE(`t14`.`messages_sent_180d`, 0.0) AS `messages_sent_180d`,
    `t14`.`days_since_first_message`,
    `t14`.`messages_crowded_share_90d`,
    COALESCE(`t14`.`messages_sent_90d`, 0.0) AS `messages_sent_90d`
  FROM (
    SELECT
      *
    FROM `spine` AS `t0`
  ) AS `t3`
  LEFT OUTER JOIN (
    SELECT
      `t5`.`customer_id` AS `fact_customer_id`,
      CAST(SUM(
        CAST(COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
        AND NOT (
          (
            COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
            AND COALESCE(STARTSWITH(LOWER(`t5`.`name`), 'service'), FALSE)
          )
          OR COALESCE(`t5`.`kind` IN ('case_responded'), FALSE)
          OR (
            NOT (
              COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
            )
            AND NOT (
              COALESCE(`t5`.`direction`, 'inbound') <> 'outbound'
            )
          )
        )
        AND (
          `t5`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(IF(
          SUM(
            CAST(COALESCE(
              `t5`.`kind` IN ('case_opened', 'case_responded', 'complaint', 'contact', 'outreach_sent'),
              FALSE
            )
            AND (
              (
                COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                AND COALESCE(STARTSWITH(LOWER(`t5`.`name`), 'service'), FALSE)
              )
              OR COALESCE(`t5`.`kind` IN ('case_responded'), FALSE)
              OR (
                NOT (
                  COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                )
                AND NOT (
                  COALESCE(`t5`.`direction`, 'inbound') <> 'outbound'
                )
              )
            )
            AND (
              `t5`.`age_days` <= 365
            ) AS BIGINT)
          ) IS NULL,
          SUM(
            CAST(COALESCE(
              `t5`.`kind` IN ('case_opened', 'case_responded', 'complaint', 'contact', 'outreach_sent'),
              FALSE
            )
            AND (
              (
                COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                AND COALESCE(STARTSWITH(LOWER(`t5`.`name`), 'service'), FALSE)
              )
              OR COALESCE(`t5`.`kind` IN ('case_responded'), FALSE)
              OR (
                NOT (
                  COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                )
                AND NOT (
                  COALESCE(`t5`.`direction`, 'inbound') <> 'outbound'
                )
              )
            )
            AND (
              `t5`.`age_days` <= 365
            ) AS BIGINT)
          ),
          GREATEST(
            1,
            SUM(
              CAST(COALESCE(
                `t5`.`kind` IN ('case_opened', 'case_responded', 'complaint', 'contact', 'outreach_sent'),
                FALSE
              )
              AND (
                (
                  COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                  AND COALESCE(STARTSWITH(LOWER(`t5`.`name`), 'service'), FALSE)
                )
                OR COALESCE(`t5`.`kind` IN ('case_responded'), FALSE)
                OR (
                  NOT (
                    COALESCE(`t5`.`kind` IN ('outreach_sent'), FALSE)
                  )
                  AND NOT (
                    COALESCE(`t5`.`direction`, 'inbound') <> 'outbound'
                  )
                )
              )
              AND (
                `t5`.`age_days` <= 365
              ) AS BIGINT)
            )
          )
        ) AS DOUBLE),
        0.0
      ) AS `marketing_per_service_message_365d`,
      CAST(SUM(
        CAST(COALESCE(`t5`.`kind` IN ('unsubscribed'), FALSE) AND (
          `t5`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `unsubscribed_365d`,
      CAST(SUM(
        CAST(COALESCE(`t5`.`kind` IN ('data_request'), FALSE) AND (
          `t5`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `data_requests_365d`,
      CAST(SUM(
        CAST((
          COALESCE(`t5`.`kind` IN ('unsubscribed'), FALSE)
          OR (
            COALESCE(`t5`.`kind` IN ('consent_changed'), FALSE)
            AND COALESCE(LOWER(`t5`.`name`) = 'withdrawn', FALSE)
          )
        )
        AND (
          `t5`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `opt_outs_365d`,
      CAST(IF(
        COALESCE(
          MIN(
            IF(
              COALESCE(`t5`.`kind` IN ('unsubscribed'), FALSE)
              OR (
                COALESCE(`t5`.`kind` IN ('consent_changed'), FALSE)
                AND COALESCE(LOWER(`t5`.`name`) = 'withdrawn', FALSE)
              ),
              `t5`.`age_s`,
              NULL
            )
          ),
          4611686018427387904
        ) < COALESCE(
          MIN(
            IF(
              COALESCE(`t5`.`kind` IN ('consent_changed'), FALSE)
              AND COALESCE(LOWER(`t5`.`name`) = 'given', FALSE),
              `t5`.`age_s`,
              NULL
            )
          ),
          4611686018427387904
        ),
        1,
        0
      ) AS DOUBLE) AS `opted_out`
    FROM (
      SELECT
        *
      FROM `events` AS `t1`
      WHERE
        NOT (
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        )
    ) AS `t5`
    GROUP BY
      1
  ) AS `t12`
    ON `t3`.`customer_id` = `t12`.`fact_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t7`.`customer_id` AS `day_customer_id`,
      CAST(SUM(CAST(`t7`.`age_days` <= 90 AS BIGINT)) AS DOUBLE) AS `_active_days_90d`
    FROM (
      SELECT
        `t4`.`customer_id`,
        `t4`.`age_days`,
        CAST(LEAD(`t4`.`age_days`) OVER (PARTITION BY `t4`.`customer_id` ORDER BY `t4`.`age_days` ASC NULLS LAST) - `t4`.`age_days` AS SMALLINT) AS `gap_days`,
        FIRST(`t4`.`age_days`) IGNORE NULLS OVER (
          PARTITION BY `t4`.`customer_id`
          ORDER BY `t4`.`age_days` ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS `silence_days`
      FROM (
        SELECT DISTINCT
          `t1`.`customer_id`,
          `t1`.`age_days`
        FROM `events` AS `t1`
        WHERE
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
      ) AS `t4`
    ) AS `t7`
    GROUP BY
      1
  ) AS `t10`
    ON `t3`.`customer_id` = `t10`.`day_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t8`.`customer_id` AS `asked_customer_id`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND `t8`.`answered`
        AND (
          `t8`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent` AND NOT (
            `t8`.`survey`
          ) AND (
            `t8`.`age_days` <= 90
          ) AS BIGINT)
        ) AS DOUBLE),
        0.0
      ) AS `messages_answered_share_90d`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND `t8`.`answered`
        AND (
          `t8`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent` AND NOT (
            `t8`.`survey`
          ) AND (
            `t8`.`age_days` <= 365
          ) AS BIGINT)
        ) AS DOUBLE),
        0.0
      ) AS `messages_answered_share_365d`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND `t8`.`clicked`
        AND (
          `t8`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent` AND NOT (
            `t8`.`survey`
          ) AND (
            `t8`.`age_days` <= 90
          ) AS BIGINT)
        ) AS DOUBLE),
        0.0
      ) AS `messages_clicked_share_90d`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND `t8`.`clicked`
        AND (
          `t8`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent` AND NOT (
            `t8`.`survey`
          ) AND (
            `t8`.`age_days` <= 365
          ) AS BIGINT)
        ) AS DOUBLE),
        0.0
      ) AS `messages_clicked_share_365d`,
      (
        CAST(SUM(
          CAST(`t8`.`sent`
          AND NOT (
            `t8`.`survey`
          )
          AND `t8`.`answered`
          AND (
            `t8`.`age_days` <= 90
          ) AS BIGINT)
        ) AS DOUBLE) / NULLIF(
          CAST(SUM(
            CAST(`t8`.`sent` AND NOT (
              `t8`.`survey`
            ) AND (
              `t8`.`age_days` <= 90
            ) AS BIGINT)
          ) AS DOUBLE),
          0.0
        )
      ) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent`
          AND NOT (
            `t8`.`survey`
          )
          AND `t8`.`answered`
          AND (
            (
              `t8`.`age_days` > 90
            ) AND (
              `t8`.`age_days` <= 365
            )
          ) AS BIGINT)
        ) AS DOUBLE) / NULLIF(
          CAST(SUM(
            CAST(`t8`.`sent`
            AND NOT (
              `t8`.`survey`
            )
            AND (
              (
                `t8`.`age_days` > 90
              ) AND (
                `t8`.`age_days` <= 365
              )
            ) AS BIGINT)
          ) AS DOUBLE),
          0.0
        ),
        0.0
      ) AS `messages_answered_trend_90d`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND COALESCE(`t8`.`age_s` < `t8`.`last_answer_s`, TRUE) AS BIGINT)
      ) AS DOUBLE) AS `messages_unanswered_run`,
      CAST(MIN(IF(NOT (
        `t8`.`sent`
      ) AND NOT (
        `t8`.`survey`
      ), `t8`.`age_days`, NULL)) AS DOUBLE) AS `days_since_message_answered`,
      CAST(SUM(
        CAST(`t8`.`sent` AND NOT (
          `t8`.`survey`
        ) AND (
          `t8`.`age_days` <= 7
        ) AS BIGINT)
      ) AS DOUBLE) AS `messages_sent_7d`,
      CAST(SUM(
        CAST(`t8`.`sent` AND NOT (
          `t8`.`survey`
        ) AND (
          `t8`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `messages_sent_365d`,
      CAST(SUM(
        CAST(`t8`.`sent` AND NOT (
          `t8`.`survey`
        ) AND (
          `t8`.`age_days` <= 30
        ) AS BIGINT)
      ) AS DOUBLE) AS `messages_sent_30d`,
      CAST(SUM(
        CAST(`t8`.`sent` AND NOT (
          `t8`.`survey`
        ) AND (
          `t8`.`age_days` <= 180
        ) AS BIGINT)
      ) AS DOUBLE) AS `messages_sent_180d`,
      CAST(MAX(IF(`t8`.`sent` AND NOT (
        `t8`.`survey`
      ), `t8`.`age_days`, NULL)) AS DOUBLE) AS `days_since_first_message`,
      CAST(SUM(
        CAST(`t8`.`sent`
        AND NOT (
          `t8`.`survey`
        )
        AND (
          `t8`.`age_days` <= 90
        )
        AND COALESCE(`t8`.`gap_s` < 172800, FALSE) AS BIGINT)
      ) AS DOUBLE) / NULLIF(
        CAST(SUM(
          CAST(`t8`.`sent` AND NOT (
            `t8`.`survey`
          ) AND (
            `t8`.`age_days` <= 90
          ) AS BIGINT)
        ) AS DOUBLE),
        0.0
      ) AS `messages_crowded_share_90d`,
      CAST(SUM(
        CAST(`t8`.`sent` AND NOT (
          `t8`.`survey`
        ) AND (
          `t8`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) AS `messages_sent_90d`
    FROM (
      SELECT
        `t6`.`event_id`,
        `t6`.`customer_id`,
        `t6`.`kind`,
        `t6`.`channel`,
        `t6`.`direction`,
        `t6`.`name`,
        `t6`.`amount`,
        `t6`.`quantity`,
        `t6`.`duration_s`,
        `t6`.`wait_s`,
        `t6`.`rating`,
        `t6`.`text`,
        `t6`.`case_id`,
        `t6`.`automated`,
        `t6`.`scripted`,
        `t6`.`agent_id`,
        `t6`.`campaign_id`,
        `t6`.`age_days`,
        `t6`.`age_s`,
        `t6`.`due_in_s`,
        `t6`.`sent`,
        `t6`.`survey`,
        `t6`.`sent`
        AND NOT (
          COALESCE(
            LEAD(`t6`.`sent`) OVER (
              PARTITION BY `t6`.`customer_id`, `t6`.`survey`, IF(`t6`.`survey`, CAST(NULL AS STRING), `t6`.`campaign_id`)
              ORDER BY `t6`.`age_s` DESC, `t6`.`sent` DESC
            ),
            TRUE
          )
        ) AS `answered`,
        `t6`.`sent`
        AND NOT (
          COALESCE(
            LEAD(`t6`.`sent`) OVER (
              PARTITION BY `t6`.`customer_id`, `t6`.`survey`, IF(`t6`.`survey`, CAST(NULL AS STRING), `t6`.`campaign_id`), COALESCE(`t6`.`kind` IN ('outreach_opened'), FALSE)
              ORDER BY `t6`.`age_s` DESC, `t6`.`sent` DESC
            ),
            TRUE
          )
        ) AS `clicked`,
        LAG(`t6`.`age_s`) OVER (
          PARTITION BY `t6`.`customer_id`, `t6`.`survey`, `t6`.`sent`
          ORDER BY `t6`.`age_s` DESC
        ) - `t6`.`age_s` AS `gap_s`,
        MIN(IF(NOT (
          `t6`.`sent`
        ), `t6`.`age_s`, CAST(NULL AS BIGINT))) OVER (
          PARTITION BY `t6`.`customer_id`, `t6`.`survey`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS `last_answer_s`
      FROM (
        SELECT
          `t1`.`event_id`,
          `t1`.`customer_id`,
          `t1`.`kind`,
          `t1`.`channel`,
          `t1`.`direction`,
          `t1`.`name`,
          `t1`.`amount`,
          `t1`.`quantity`,
          `t1`.`duration_s`,
          `t1`.`wait_s`,
          `t1`.`rating`,
          `t1`.`text`,
          `t1`.`case_id`,
          `t1`.`automated`,
          `t1`.`scripted`,
          `t1`.`agent_id`,
          `t1`.`campaign_id`,
          `t1`.`age_days`,
          `t1`.`age_s`,
          `t1`.`due_in_s`,
          NOT (
            COALESCE(`t1`.`kind` IN ('outreach_clicked', 'outreach_opened', 'survey_answered'), FALSE)
          ) AS `sent`,
          COALESCE(`t1`.`kind` IN ('survey_answered', 'survey_sent'), FALSE) AS `survey`
        FROM `events` AS `t1`
        WHERE
          COALESCE(
            `t1`.`kind` IN (
              'outreach_clicked',
              'outreach_opened',
              'outreach_sent',
              'survey_answered',
              'survey_sent'
            ),
            FALSE
          )
      ) AS `t6`
    ) AS `t8`
    GROUP BY
      1
  ) AS `t14`
    ON `t3`.`customer_id` = `t14`.`asked_customer_id`
) AS `t15`
