WITH `t4` AS (
  SELECT DISTINCT
    `t1`.`customer_id`,
    `t1`.`age_days`
  FROM `events` AS `t1`
  WHERE
    COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
)
SELECT
  `t20`.`customer_id`,
  `t20`.`days_since_event`,
  `t20`.`days_since_engagement`,
  `t20`.`days_since_first_engagement`,
  `t20`.`days_since_activity`,
  `t20`.`activity_events_30d`,
  `t20`.`activity_events_90d`,
  `t20`.`days_since_purchase`,
  `t20`.`purchase_events_30d`,
  `t20`.`purchase_events_90d`,
  `t20`.`days_since_error`,
  `t20`.`error_events_30d`,
  `t20`.`error_events_90d`,
  `t20`.`engagement_7d`,
  `t20`.`engagement_30d`,
  `t20`.`engagement_90d`,
  `t20`.`engagement_180d`,
  `t20`.`active_days_7d`,
  `t20`.`active_days_30d`,
  `t20`.`active_days_90d`,
  `t20`.`active_days_180d`,
  `t20`.`usual_gap_days`,
  `t20`.`longest_gap_days`,
  `t20`.`gap_variation`,
  `t20`.`silence_percentile`,
  `t20`.`quiet_streak_weeks`,
  `t20`.`days_since_engagement` / NULLIF(`t20`.`usual_gap_days`, 0.0) AS `overdue_ratio`,
  `t20`.`days_since_engagement` / NULLIF(`t20`.`longest_gap_days`, 0.0) AS `silence_to_longest_gap`,
  (
    `t20`.`engagement_30d` / 30
  ) / NULLIF(
    (
      `t20`.`engagement_180d` - `t20`.`engagement_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t20`.`days_since_first_engagement` IS NULL,
            `t20`.`days_since_first_engagement`,
            LEAST(180, `t20`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t20`.`days_since_first_engagement` IS NULL,
          `t20`.`days_since_first_engagement`,
          LEAST(180, `t20`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `trend_30d`,
  (
    `t20`.`active_days_30d` / 30
  ) / NULLIF(
    (
      `t20`.`active_days_180d` - `t20`.`active_days_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t20`.`days_since_first_engagement` IS NULL,
            `t20`.`days_since_first_engagement`,
            LEAST(180, `t20`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t20`.`days_since_first_engagement` IS NULL,
          `t20`.`days_since_first_engagement`,
          LEAST(180, `t20`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `active_days_trend_30d`,
  `t20`.`acceleration_14d`,
  `t20`.`session_seconds_30d`,
  `t20`.`session_length_ratio_30d`,
  `t20`.`quantity_7d`,
  `t20`.`quantity_30d`,
  `t20`.`quantity_90d`,
  `t20`.`quantity_180d`,
  (
    `t20`.`quantity_30d` / 30
  ) / NULLIF(
    (
      `t20`.`quantity_180d` - `t20`.`quantity_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t20`.`days_since_first_engagement` IS NULL,
            `t20`.`days_since_first_engagement`,
            LEAST(180, `t20`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t20`.`days_since_first_engagement` IS NULL,
          `t20`.`days_since_first_engagement`,
          LEAST(180, `t20`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `quantity_trend_30d`,
  `t20`.`_active_days`,
  `t20`.`_first_active`,
  `t20`.`_last_active`,
  CAST(`t20`.`days_to_end` AS DOUBLE) AS `_until_end`
FROM (
  SELECT
    `t3`.`customer_id`,
    `t3`.`tenure_days`,
    `t3`.`days_to_end`,
    `t11`.`days_since_event`,
    `t11`.`days_since_engagement`,
    `t11`.`days_since_first_engagement`,
    `t11`.`days_since_activity`,
    COALESCE(`t11`.`activity_events_30d`, 0.0) AS `activity_events_30d`,
    COALESCE(`t11`.`activity_events_90d`, 0.0) AS `activity_events_90d`,
    `t11`.`days_since_purchase`,
    COALESCE(`t11`.`purchase_events_30d`, 0.0) AS `purchase_events_30d`,
    COALESCE(`t11`.`purchase_events_90d`, 0.0) AS `purchase_events_90d`,
    COALESCE(`t11`.`engagement_7d`, 0.0) AS `engagement_7d`,
    COALESCE(`t11`.`engagement_30d`, 0.0) AS `engagement_30d`,
    COALESCE(`t11`.`engagement_90d`, 0.0) AS `engagement_90d`,
    COALESCE(`t11`.`engagement_180d`, 0.0) AS `engagement_180d`,
    COALESCE(`t11`.`acceleration_14d`, 0.0) AS `acceleration_14d`,
    `t11`.`session_seconds_30d`,
    `t11`.`session_length_ratio_30d`,
    COALESCE(`t11`.`quantity_7d`, 0.0) AS `quantity_7d`,
    COALESCE(`t11`.`quantity_30d`, 0.0) AS `quantity_30d`,
    COALESCE(`t11`.`quantity_90d`, 0.0) AS `quantity_90d`,
    COALESCE(`t11`.`quantity_180d`, 0.0) AS `quantity_180d`,
    `t12`.`days_since_error`,
    COALESCE(`t12`.`error_events_30d`, 0.0) AS `error_events_30d`,
    COALESCE(`t12`.`error_events_90d`, 0.0) AS `error_events_90d`,
    COALESCE(`t16`.`active_days_7d`, 0.0) AS `active_days_7d`,
    COALESCE(`t16`.`active_days_30d`, 0.0) AS `active_days_30d`,
    COALESCE(`t16`.`active_days_90d`, 0.0) AS `active_days_90d`,
    COALESCE(`t16`.`active_days_180d`, 0.0) AS `active_days_180d`,
    `t16`.`usual_gap_days`,
    `t16`.`longest_gap_days`,
    `t16`.`gap_variation`,
    `t16`.`silence_percentile`,
    `t16`.`_active_days`,
    `t16`.`_first_active`,
    `t16`.`_last_active`,
    COALESCE(`t19`.`quiet_streak_weeks`, 26.0) AS `quiet_streak_weeks`
  FROM (
    SELECT
      *
    FROM `spine` AS `t0`
  ) AS `t3`
  LEFT OUTER JOIN (
    SELECT
      `t1`.`customer_id` AS `event_customer_id`,
      CAST(MIN(`t1`.`age_days`) AS DOUBLE) AS `days_since_event`,
      CAST(MIN(
        IF(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE), `t1`.`age_days`, NULL)
      ) AS DOUBLE) AS `days_since_engagement`,
      CAST(MAX(
        IF(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE), `t1`.`age_days`, NULL)
      ) AS DOUBLE) AS `days_since_first_engagement`,
      CAST(MIN(IF(COALESCE(`t1`.`kind` IN ('activity'), FALSE), `t1`.`age_days`, NULL)) AS DOUBLE) AS `days_since_activity`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity'), FALSE) AND (
          `t1`.`age_days` <= 30
        ) AS BIGINT)
      ) AS DOUBLE) AS `activity_events_30d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity'), FALSE) AND (
          `t1`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) AS `activity_events_90d`,
      CAST(MIN(IF(COALESCE(`t1`.`kind` IN ('purchase'), FALSE), `t1`.`age_days`, NULL)) AS DOUBLE) AS `days_since_purchase`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
          `t1`.`age_days` <= 30
        ) AS BIGINT)
      ) AS DOUBLE) AS `purchase_events_30d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
          `t1`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) AS `purchase_events_90d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        AND (
          `t1`.`age_days` <= 7
        ) AS BIGINT)
      ) AS DOUBLE) AS `engagement_7d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        AND (
          `t1`.`age_days` <= 30
        ) AS BIGINT)
      ) AS DOUBLE) AS `engagement_30d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        AND (
          `t1`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) AS `engagement_90d`,
      CAST(SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        AND (
          `t1`.`age_days` <= 180
        ) AS BIGINT)
      ) AS DOUBLE) AS `engagement_180d`,
      CAST((
        SUM(
          CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 14
          ) AS BIGINT)
        ) - (
          SUM(
            CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
            AND (
              (
                `t1`.`age_days` > 14
              ) AND (
                `t1`.`age_days` <= 28
              )
            ) AS BIGINT)
          ) * 2
        )
      ) + SUM(
        CAST(COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        AND (
          (
            `t1`.`age_days` > 28
          ) AND (
            `t1`.`age_days` <= 42
          )
        ) AS BIGINT)
      ) AS DOUBLE) AS `acceleration_14d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 30
          ),
          `t1`.`duration_s`,
          NULL
        )
      ) AS DOUBLE) / NULLIF(
        CAST(COUNT(
          IF(
            COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
            AND (
              `t1`.`age_days` <= 30
            ),
            `t1`.`duration_s`,
            NULL
          )
        ) AS DOUBLE),
        0.0
      ) AS `session_seconds_30d`,
      (
        CAST(SUM(
          IF(
            COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
            AND (
              `t1`.`age_days` <= 30
            ),
            `t1`.`duration_s`,
            NULL
          )
        ) AS DOUBLE) / NULLIF(
          CAST(COUNT(
            IF(
              COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
              AND (
                `t1`.`age_days` <= 30
              ),
              `t1`.`duration_s`,
              NULL
            )
          ) AS DOUBLE),
          0.0
        )
      ) / NULLIF(
        CAST(SUM(
          IF(
            COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
            AND (
              (
                `t1`.`age_days` > 30
              ) AND (
                `t1`.`age_days` <= 180
              )
            ),
            `t1`.`duration_s`,
            NULL
          )
        ) AS DOUBLE) / NULLIF(
          CAST(COUNT(
            IF(
              COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
              AND (
                (
                  `t1`.`age_days` > 30
                ) AND (
                  `t1`.`age_days` <= 180
                )
              ),
              `t1`.`duration_s`,
              NULL
            )
          ) AS DOUBLE),
          0.0
        ),
        0.0
      ) AS `session_length_ratio_30d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 7
          ),
          `t1`.`quantity`,
          NULL
        )
      ) AS DOUBLE) AS `quantity_7d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 30
          ),
          `t1`.`quantity`,
          NULL
        )
      ) AS DOUBLE) AS `quantity_30d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 90
          ),
          `t1`.`quantity`,
          NULL
        )
      ) AS DOUBLE) AS `quantity_90d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
          AND (
            `t1`.`age_days` <= 180
          ),
          `t1`.`quantity`,
          NULL
        )
      ) AS DOUBLE) AS `quantity_180d`
    FROM `events` AS `t1`
    GROUP BY
      1
  ) AS `t11`
    ON `t3`.`customer_id` = `t11`.`event_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t5`.`customer_id` AS `fact_customer_id`,
      CAST(MIN(IF(COALESCE(`t5`.`kind` IN ('error'), FALSE), `t5`.`age_days`, NULL)) AS DOUBLE) AS `days_since_error`,
      CAST(SUM(
        CAST(COALESCE(`t5`.`kind` IN ('error'), FALSE) AND (
          `t5`.`age_days` <= 30
        ) AS BIGINT)
      ) AS DOUBLE) AS `error_events_30d`,
      CAST(SUM(
        CAST(COALESCE(`t5`.`kind` IN ('error'), FALSE) AND (
          `t5`.`age_days` <= 90
        ) AS BIGINT)
      ) AS DOUBLE) AS `error_events_90d`
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
      `t8`.`customer_id` AS `day_customer_id`,
      CAST(SUM(CAST(`t8`.`age_days` <= 7 AS BIGINT)) AS DOUBLE) AS `active_days_7d`,
      CAST(SUM(CAST(`t8`.`age_days` <= 30 AS BIGINT)) AS DOUBLE) AS `active_days_30d`,
      CAST(SUM(CAST(`t8`.`age_days` <= 90 AS BIGINT)) AS DOUBLE) AS `active_days_90d`,
      CAST(SUM(CAST(`t8`.`age_days` <= 180 AS BIGINT)) AS DOUBLE) AS `active_days_180d`,
      PERCENTILE(`t8`.`gap_days`, 0.5) AS `usual_gap_days`,
      CAST(MAX(`t8`.`gap_days`) AS DOUBLE) AS `longest_gap_days`,
      SQRT(
        CAST((
          SUM(CAST(`t8`.`gap_days` AS BIGINT) * CAST(`t8`.`gap_days` AS BIGINT)) * COUNT(CAST(`t8`.`gap_days` AS BIGINT))
        ) - (
          SUM(CAST(`t8`.`gap_days` AS BIGINT)) * SUM(CAST(`t8`.`gap_days` AS BIGINT))
        ) AS DOUBLE) / NULLIF(
          CAST(COUNT(CAST(`t8`.`gap_days` AS BIGINT)) * COUNT(CAST(`t8`.`gap_days` AS BIGINT)) AS DOUBLE),
          0.0
        )
      ) / NULLIF(
        CAST(SUM(CAST(`t8`.`gap_days` AS BIGINT)) AS DOUBLE) / NULLIF(CAST(COUNT(CAST(`t8`.`gap_days` AS BIGINT)) AS DOUBLE), 0.0),
        0.0
      ) AS `gap_variation`,
      CAST(SUM(CAST(COALESCE(`t8`.`gap_days` <= `t8`.`silence_days`, FALSE) AS BIGINT)) AS DOUBLE) / NULLIF(CAST(COUNT(`t8`.`gap_days`) AS DOUBLE), 0.0) AS `silence_percentile`,
      CAST(COUNT(*) AS DOUBLE) AS `_active_days`,
      CAST(MAX(`t8`.`age_days`) AS DOUBLE) AS `_first_active`,
      CAST(MIN(`t8`.`age_days`) AS DOUBLE) AS `_last_active`
    FROM (
      SELECT
        `t6`.`customer_id`,
        `t6`.`age_days`,
        CAST(LEAD(`t6`.`age_days`) OVER (PARTITION BY `t6`.`customer_id` ORDER BY `t6`.`age_days` ASC NULLS LAST) - `t6`.`age_days` AS SMALLINT) AS `gap_days`,
        FIRST(`t6`.`age_days`) IGNORE NULLS OVER (
          PARTITION BY `t6`.`customer_id`
          ORDER BY `t6`.`age_days` ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS `silence_days`
      FROM `t4` AS `t6`
    ) AS `t8`
    GROUP BY
      1
  ) AS `t16`
    ON `t3`.`customer_id` = `t16`.`day_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t17`.`customer_id` AS `week_customer_id`,
      CAST(MIN(IF((
        `t17`.`days` * 2
      ) >= `t17`.`usual_days`, `t17`.`week`, NULL)) AS DOUBLE) AS `quiet_streak_weeks`
    FROM (
      SELECT
        `t14`.`customer_id`,
        `t14`.`week`,
        `t14`.`days`,
        CAST(SUM(`t14`.`days`) OVER (
          PARTITION BY `t14`.`customer_id`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS DOUBLE) / NULLIF(
          CAST(MAX(`t14`.`week`) OVER (
            PARTITION BY `t14`.`customer_id`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) + 1 AS DOUBLE),
          0.0
        ) AS `usual_days`
      FROM (
        SELECT
          `t13`.`customer_id`,
          `t13`.`week`,
          COUNT(*) AS `days`
        FROM (
          SELECT
            *
          FROM (
            SELECT
              `t6`.`customer_id`,
              `t6`.`age_days`,
              CAST(FLOOR((
                `t6`.`age_days` - 1
              ) / 7) AS BIGINT) AS `week`
            FROM `t4` AS `t6`
          ) AS `t7`
          WHERE
            `t7`.`week` < 26
        ) AS `t13`
        GROUP BY
          1,
          2
      ) AS `t14`
    ) AS `t17`
    GROUP BY
      1
  ) AS `t19`
    ON `t3`.`customer_id` = `t19`.`week_customer_id`
) AS `t20`
