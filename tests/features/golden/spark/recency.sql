SELECT
  `t13`.`customer_id`,
  `t13`.`days_since_event`,
  `t13`.`days_since_engagement`,
  `t13`.`days_since_first_engagement`,
  `t13`.`days_since_activity`,
  `t13`.`activity_events_30d`,
  `t13`.`activity_events_90d`,
  `t13`.`days_since_purchase`,
  `t13`.`purchase_events_30d`,
  `t13`.`purchase_events_90d`,
  `t13`.`days_since_error`,
  `t13`.`error_events_30d`,
  `t13`.`error_events_90d`,
  `t13`.`engagement_7d`,
  `t13`.`engagement_30d`,
  `t13`.`engagement_90d`,
  `t13`.`engagement_180d`,
  `t13`.`active_days_7d`,
  `t13`.`active_days_30d`,
  `t13`.`active_days_90d`,
  `t13`.`active_days_180d`,
  `t13`.`usual_gap_days`,
  `t13`.`longest_gap_days`,
  `t13`.`gap_variation`,
  `t13`.`silence_percentile`,
  COALESCE(
    CAST(CASE
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 1.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 0
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 8.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 1
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 64.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 2
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 512.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 3
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 4096.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 4
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 32768.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 5
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 262144.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 6
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 2097152.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 7
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 16777216.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 8
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 134217728.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 9
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 1073741824.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 10
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 8589934592.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 11
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_0` / 68719476736.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 12
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 1.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 13
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 8.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 14
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 64.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 15
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 512.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 16
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 4096.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 17
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 32768.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 18
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 262144.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 19
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 2097152.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 20
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 16777216.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 21
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 134217728.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 22
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 1073741824.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 23
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 8589934592.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 24
      WHEN (
        CAST(FLOOR(`t13`.`weeks_from_13` / 68719476736.0) AS BIGINT) % 8
      ) >= `t13`.`half_usual_week`
      THEN 25
      ELSE NULL
    END AS DOUBLE),
    26.0
  ) AS `quiet_streak_weeks`,
  `t13`.`days_since_engagement` / NULLIF(`t13`.`usual_gap_days`, 0.0) AS `overdue_ratio`,
  `t13`.`days_since_engagement` / NULLIF(`t13`.`longest_gap_days`, 0.0) AS `silence_to_longest_gap`,
  (
    `t13`.`engagement_30d` / 30
  ) / NULLIF(
    (
      `t13`.`engagement_180d` - `t13`.`engagement_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t13`.`days_since_first_engagement` IS NULL,
            `t13`.`days_since_first_engagement`,
            LEAST(180, `t13`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t13`.`days_since_first_engagement` IS NULL,
          `t13`.`days_since_first_engagement`,
          LEAST(180, `t13`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `trend_30d`,
  (
    `t13`.`active_days_30d` / 30
  ) / NULLIF(
    (
      `t13`.`active_days_180d` - `t13`.`active_days_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t13`.`days_since_first_engagement` IS NULL,
            `t13`.`days_since_first_engagement`,
            LEAST(180, `t13`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t13`.`days_since_first_engagement` IS NULL,
          `t13`.`days_since_first_engagement`,
          LEAST(180, `t13`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `active_days_trend_30d`,
  `t13`.`acceleration_14d`,
  `t13`.`session_seconds_30d`,
  `t13`.`session_length_ratio_30d`,
  `t13`.`quantity_7d`,
  `t13`.`quantity_30d`,
  `t13`.`quantity_90d`,
  `t13`.`quantity_180d`,
  (
    `t13`.`quantity_30d` / 30
  ) / NULLIF(
    (
      `t13`.`quantity_180d` - `t13`.`quantity_30d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t13`.`days_since_first_engagement` IS NULL,
            `t13`.`days_since_first_engagement`,
            LEAST(180, `t13`.`days_since_first_engagement`)
          ) - 30
        ) >= 14,
        IF(
          `t13`.`days_since_first_engagement` IS NULL,
          `t13`.`days_since_first_engagement`,
          LEAST(180, `t13`.`days_since_first_engagement`)
        ) - 30,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `quantity_trend_30d`,
  `t13`.`_active_days`,
  `t13`.`_first_active`,
  `t13`.`_last_active`,
  CAST(`t13`.`days_to_end` AS DOUBLE) AS `_until_end`
FROM (
  SELECT
    `t3`.`customer_id`,
    `t3`.`tenure_days`,
    `t3`.`days_to_end`,
    `t9`.`days_since_event`,
    `t9`.`days_since_engagement`,
    `t9`.`days_since_first_engagement`,
    `t9`.`days_since_activity`,
    COALESCE(`t9`.`activity_events_30d`, 0.0) AS `activity_events_30d`,
    COALESCE(`t9`.`activity_events_90d`, 0.0) AS `activity_events_90d`,
    `t9`.`days_since_purchase`,
    COALESCE(`t9`.`purchase_events_30d`, 0.0) AS `purchase_events_30d`,
    COALESCE(`t9`.`purchase_events_90d`, 0.0) AS `purchase_events_90d`,
    COALESCE(`t9`.`engagement_7d`, 0.0) AS `engagement_7d`,
    COALESCE(`t9`.`engagement_30d`, 0.0) AS `engagement_30d`,
    COALESCE(`t9`.`engagement_90d`, 0.0) AS `engagement_90d`,
    COALESCE(`t9`.`engagement_180d`, 0.0) AS `engagement_180d`,
    COALESCE(`t9`.`acceleration_14d`, 0.0) AS `acceleration_14d`,
    `t9`.`session_seconds_30d`,
    `t9`.`session_length_ratio_30d`,
    COALESCE(`t9`.`quantity_7d`, 0.0) AS `quantity_7d`,
    COALESCE(`t9`.`quantity_30d`, 0.0) AS `quantity_30d`,
    COALESCE(`t9`.`quantity_90d`, 0.0) AS `quantity_90d`,
    COALESCE(`t9`.`quantity_180d`, 0.0) AS `quantity_180d`,
    `t10`.`days_since_error`,
    COALESCE(`t10`.`error_events_30d`, 0.0) AS `error_events_30d`,
    COALESCE(`t10`.`error_events_90d`, 0.0) AS `error_events_90d`,
    COALESCE(`t12`.`active_days_7d`, 0.0) AS `active_days_7d`,
    COALESCE(`t12`.`active_days_30d`, 0.0) AS `active_days_30d`,
    COALESCE(`t12`.`active_days_90d`, 0.0) AS `active_days_90d`,
    COALESCE(`t12`.`active_days_180d`, 0.0) AS `active_days_180d`,
    `t12`.`usual_gap_days`,
    `t12`.`longest_gap_days`,
    `t12`.`gap_variation`,
    `t12`.`silence_percentile`,
    `t12`.`weeks_from_0`,
    `t12`.`weeks_from_13`,
    `t12`.`half_usual_week`,
    `t12`.`_active_days`,
    `t12`.`_first_active`,
    `t12`.`_last_active`
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
  ) AS `t9`
    ON `t3`.`customer_id` = `t9`.`event_customer_id`
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
  ) AS `t10`
    ON `t3`.`customer_id` = `t10`.`fact_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t6`.`customer_id` AS `day_customer_id`,
      CAST(SUM(CAST(`t6`.`age_days` <= 7 AS BIGINT)) AS DOUBLE) AS `active_days_7d`,
      CAST(SUM(CAST(`t6`.`age_days` <= 30 AS BIGINT)) AS DOUBLE) AS `active_days_30d`,
      CAST(SUM(CAST(`t6`.`age_days` <= 90 AS BIGINT)) AS DOUBLE) AS `active_days_90d`,
      CAST(SUM(CAST(`t6`.`age_days` <= 180 AS BIGINT)) AS DOUBLE) AS `active_days_180d`,
      PERCENTILE(`t6`.`gap_days`, 0.5) AS `usual_gap_days`,
      CAST(MAX(`t6`.`gap_days`) AS DOUBLE) AS `longest_gap_days`,
      SQRT(
        CAST((
          SUM(CAST(`t6`.`gap_days` AS BIGINT) * CAST(`t6`.`gap_days` AS BIGINT)) * COUNT(CAST(`t6`.`gap_days` AS BIGINT))
        ) - (
          SUM(CAST(`t6`.`gap_days` AS BIGINT)) * SUM(CAST(`t6`.`gap_days` AS BIGINT))
        ) AS DOUBLE) / NULLIF(
          CAST(COUNT(CAST(`t6`.`gap_days` AS BIGINT)) * COUNT(CAST(`t6`.`gap_days` AS BIGINT)) AS DOUBLE),
          0.0
        )
      ) / NULLIF(
        CAST(SUM(CAST(`t6`.`gap_days` AS BIGINT)) AS DOUBLE) / NULLIF(CAST(COUNT(CAST(`t6`.`gap_days` AS BIGINT)) AS DOUBLE), 0.0),
        0.0
      ) AS `gap_variation`,
      CAST(SUM(CAST(COALESCE(`t6`.`gap_days` <= `t6`.`silence_days`, FALSE) AS BIGINT)) AS DOUBLE) / NULLIF(CAST(COUNT(`t6`.`gap_days`) AS DOUBLE), 0.0) AS `silence_percentile`,
      SUM(
        IF(
          CAST(FLOOR(
            (
              CAST(FLOOR((
                `t6`.`age_days` - 1
              ) / (
                7
              )) AS BIGINT)
            ) / (
              13
            )
          ) AS BIGINT) = 0,
          POWER(8.0, (
            CAST(FLOOR((
              `t6`.`age_days` - 1
            ) / (
              7
            )) AS BIGINT) % 13
          )),
          NULL
        )
      ) AS `weeks_from_0`,
      SUM(
        IF(
          CAST(FLOOR(
            (
              CAST(FLOOR((
                `t6`.`age_days` - 1
              ) / (
                7
              )) AS BIGINT)
            ) / (
              13
            )
          ) AS BIGINT) = 1,
          POWER(8.0, (
            CAST(FLOOR((
              `t6`.`age_days` - 1
            ) / (
              7
            )) AS BIGINT) % 13
          )),
          NULL
        )
      ) AS `weeks_from_13`,
      SUM(CAST(CAST(FLOOR((
        `t6`.`age_days` - 1
      ) / (
        7
      )) AS BIGINT) < 26 AS BIGINT)) / (
        (
          MAX(
            IF(
              CAST(FLOOR((
                `t6`.`age_days` - 1
              ) / (
                7
              )) AS BIGINT) < 26,
              CAST(FLOOR((
                `t6`.`age_days` - 1
              ) / (
                7
              )) AS BIGINT),
              NULL
            )
          ) + 1
        ) * 2
      ) AS `half_usual_week`,
      CAST(COUNT(*) AS DOUBLE) AS `_active_days`,
      CAST(MAX(`t6`.`age_days`) AS DOUBLE) AS `_first_active`,
      CAST(MIN(`t6`.`age_days`) AS DOUBLE) AS `_last_active`
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
    ) AS `t6`
    GROUP BY
      1
  ) AS `t12`
    ON `t3`.`customer_id` = `t12`.`day_customer_id`
) AS `t13`
