SELECT
  `t18`.`customer_id`,
  CAST(`t18`.`tenure_days` AS DOUBLE) AS `tenure_days`,
  CAST(`t18`.`days_to_end` AS DOUBLE) AS `days_to_end`,
  `t18`.`closures`,
  `t18`.`days_since_closure`,
  `t18`.`amount_30d`,
  `t18`.`amount_90d`,
  `t18`.`amount_365d`,
  (
    `t18`.`amount_90d` / 90
  ) / NULLIF(
    (
      `t18`.`amount_365d` - `t18`.`amount_90d`
    ) / NULLIF(
      IF(
        (
          IF(
            `t18`.`days_since_first_amount` IS NULL,
            `t18`.`days_since_first_amount`,
            LEAST(365, `t18`.`days_since_first_amount`)
          ) - 90
        ) >= 14,
        IF(
          `t18`.`days_since_first_amount` IS NULL,
          `t18`.`days_since_first_amount`,
          LEAST(365, `t18`.`days_since_first_amount`)
        ) - 90,
        CAST(NULL AS DOUBLE)
      ),
      0.0
    ),
    0.0
  ) AS `amount_trend_90d`,
  `t18`.`mean_amount_365d`,
  `t18`.`plan_changes_365d`,
  `t18`.`plan_step_last`,
  `t18`.`plan_rises_365d`,
  `t18`.`price_changes_365d`,
  `t18`.`price_step_last`,
  `t18`.`price_rises_365d`,
  `t18`.`cancel_requests_365d`,
  `t18`.`cancel_asked_again_365d`,
  COALESCE(
    CAST(IF(COALESCE(`t18`.`_days_silent` < `t18`.`_days_since_cancel`, FALSE), 1, 0) AS DOUBLE),
    0.0
  ) AS `cancel_abandoned`
FROM (
  SELECT
    `t3`.`customer_id`,
    `t3`.`tenure_days`,
    `t3`.`days_to_end`,
    COALESCE(`t8`.`amount_30d`, 0.0) AS `amount_30d`,
    COALESCE(`t8`.`amount_90d`, 0.0) AS `amount_90d`,
    COALESCE(`t8`.`amount_365d`, 0.0) AS `amount_365d`,
    `t8`.`days_since_first_amount`,
    `t8`.`mean_amount_365d`,
    COALESCE(`t12`.`closures`, 0.0) AS `closures`,
    `t12`.`days_since_closure`,
    COALESCE(`t12`.`cancel_requests_365d`, 0.0) AS `cancel_requests_365d`,
    COALESCE(`t12`.`cancel_asked_again_365d`, 0.0) AS `cancel_asked_again_365d`,
    `t12`.`_days_since_cancel`,
    `t13`.`_days_silent`,
    COALESCE(`t17`.`plan_changes_365d`, 0.0) AS `plan_changes_365d`,
    `t17`.`plan_step_last`,
    COALESCE(`t17`.`plan_rises_365d`, 0.0) AS `plan_rises_365d`,
    COALESCE(`t17`.`price_changes_365d`, 0.0) AS `price_changes_365d`,
    `t17`.`price_step_last`,
    COALESCE(`t17`.`price_rises_365d`, 0.0) AS `price_rises_365d`
  FROM (
    SELECT
      *
    FROM `spine` AS `t0`
  ) AS `t3`
  LEFT OUTER JOIN (
    SELECT
      `t1`.`customer_id` AS `event_customer_id`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
            `t1`.`age_days` <= 30
          ),
          `t1`.`amount`,
          NULL
        )
      ) AS DOUBLE) AS `amount_30d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
            `t1`.`age_days` <= 90
          ),
          `t1`.`amount`,
          NULL
        )
      ) AS DOUBLE) AS `amount_90d`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
            `t1`.`age_days` <= 365
          ),
          `t1`.`amount`,
          NULL
        )
      ) AS DOUBLE) AS `amount_365d`,
      CAST(MAX(IF(COALESCE(`t1`.`kind` IN ('purchase'), FALSE), `t1`.`age_days`, NULL)) AS DOUBLE) AS `days_since_first_amount`,
      CAST(SUM(
        IF(
          COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
            `t1`.`age_days` <= 365
          ),
          `t1`.`amount`,
          NULL
        )
      ) AS DOUBLE) / NULLIF(
        CAST(COUNT(
          IF(
            COALESCE(`t1`.`kind` IN ('purchase'), FALSE) AND (
              `t1`.`age_days` <= 365
            ),
            `t1`.`amount`,
            NULL
          )
        ) AS DOUBLE),
        0.0
      ) AS `mean_amount_365d`
    FROM `events` AS `t1`
    GROUP BY
      1
  ) AS `t8`
    ON `t3`.`customer_id` = `t8`.`event_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t6`.`customer_id` AS `fact_customer_id`,
      CAST(SUM(CAST(COALESCE(`t6`.`kind` IN ('closed'), FALSE) AS BIGINT)) AS DOUBLE) AS `closures`,
      CAST(MIN(IF(COALESCE(`t6`.`kind` IN ('closed'), FALSE), `t6`.`age_days`, NULL)) AS DOUBLE) AS `days_since_closure`,
      CAST(SUM(
        CAST(COALESCE(`t6`.`kind` IN ('cancel_requested'), FALSE)
        AND (
          `t6`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `cancel_requests_365d`,
      CAST(IF(
        (
          SUM(
            CAST(COALESCE(`t6`.`kind` IN ('cancel_requested'), FALSE)
            AND (
              `t6`.`age_days` <= 365
            ) AS BIGINT)
          ) - 1
        ) IS NULL,
        SUM(
          CAST(COALESCE(`t6`.`kind` IN ('cancel_requested'), FALSE)
          AND (
            `t6`.`age_days` <= 365
          ) AS BIGINT)
        ) - 1,
        GREATEST(
          0,
          SUM(
            CAST(COALESCE(`t6`.`kind` IN ('cancel_requested'), FALSE)
            AND (
              `t6`.`age_days` <= 365
            ) AS BIGINT)
          ) - 1
        )
      ) AS DOUBLE) AS `cancel_asked_again_365d`,
      CAST(MIN(
        IF(
          COALESCE(`t6`.`kind` IN ('cancel_requested'), FALSE)
          AND (
            `t6`.`age_days` <= 365
          ),
          `t6`.`age_days`,
          NULL
        )
      ) AS DOUBLE) AS `_days_since_cancel`
    FROM (
      SELECT
        *
      FROM `events` AS `t1`
      WHERE
        NOT (
          COALESCE(`t1`.`kind` IN ('activity', 'purchase'), FALSE)
        )
    ) AS `t6`
    GROUP BY
      1
  ) AS `t12`
    ON `t3`.`customer_id` = `t12`.`fact_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t9`.`customer_id` AS `day_customer_id`,
      CAST(MIN(`t9`.`age_days`) AS DOUBLE) AS `_days_silent`
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
    ) AS `t9`
    GROUP BY
      1
  ) AS `t13`
    ON `t3`.`customer_id` = `t13`.`day_customer_id`
  LEFT OUTER JOIN (
    SELECT
      `t15`.`customer_id` AS `payment_customer_id`,
      CAST(SUM(
        CAST(COALESCE(`t15`.`kind` IN ('plan_changed'), FALSE)
        AND (
          `t15`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `plan_changes_365d`,
      MAX(
        IF(
          COALESCE(`t15`.`kind` IN ('plan_changed'), FALSE) AND `t15`.`last`,
          `t15`.`step`,
          NULL
        )
      ) AS `plan_step_last`,
      CAST(SUM(
        CAST(COALESCE(`t15`.`kind` IN ('plan_changed'), FALSE)
        AND (
          `t15`.`age_days` <= 365
        )
        AND COALESCE(`t15`.`step` > 1, FALSE) AS BIGINT)
      ) AS DOUBLE) AS `plan_rises_365d`,
      CAST(SUM(
        CAST(COALESCE(`t15`.`kind` IN ('price_changed'), FALSE)
        AND (
          `t15`.`age_days` <= 365
        ) AS BIGINT)
      ) AS DOUBLE) AS `price_changes_365d`,
      MAX(
        IF(
          COALESCE(`t15`.`kind` IN ('price_changed'), FALSE) AND `t15`.`last`,
          `t15`.`step`,
          NULL
        )
      ) AS `price_step_last`,
      CAST(SUM(
        CAST(COALESCE(`t15`.`kind` IN ('price_changed'), FALSE)
        AND (
          `t15`.`age_days` <= 365
        )
        AND COALESCE(`t15`.`step` > 1, FALSE) AS BIGINT)
      ) AS DOUBLE) AS `price_rises_365d`
    FROM (
      SELECT
        `t14`.`event_id`,
        `t14`.`customer_id`,
        `t14`.`kind`,
        `t14`.`channel`,
        `t14`.`direction`,
        `t14`.`name`,
        `t14`.`amount`,
        `t14`.`quantity`,
        `t14`.`duration_s`,
        `t14`.`wait_s`,
        `t14`.`rating`,
        `t14`.`text`,
        `t14`.`case_id`,
        `t14`.`automated`,
        `t14`.`scripted`,
        `t14`.`agent_id`,
        `t14`.`campaign_id`,
        `t14`.`age_days`,
        `t14`.`age_s`,
        `t14`.`due_in_s`,
        `t14`.`last_paid_s`,
        `t14`.`step`,
        COALESCE(
          IF(
            `t14`.`step` IS NOT NULL AND NOT ISNAN(`t14`.`step`),
            `t14`.`age_s`,
            CAST(NULL AS BIGINT)
          ) = MIN(
            IF(
              `t14`.`step` IS NOT NULL AND NOT ISNAN(`t14`.`step`),
              `t14`.`age_s`,
              CAST(NULL AS BIGINT)
            )
          ) OVER (
            PARTITION BY `t14`.`customer_id`, `t14`.`kind`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          FALSE
        ) AS `last`
      FROM (
        SELECT
          `t5`.`event_id`,
          `t5`.`customer_id`,
          `t5`.`kind`,
          `t5`.`channel`,
          `t5`.`direction`,
          `t5`.`name`,
          `t5`.`amount`,
          `t5`.`quantity`,
          `t5`.`duration_s`,
          `t5`.`wait_s`,
          `t5`.`rating`,
          `t5`.`text`,
          `t5`.`case_id`,
          `t5`.`automated`,
          `t5`.`scripted`,
          `t5`.`agent_id`,
          `t5`.`campaign_id`,
          `t5`.`age_days`,
          `t5`.`age_s`,
          `t5`.`due_in_s`,
          MIN(
            IF(COALESCE(`t5`.`kind` IN ('purchase'), FALSE), `t5`.`age_s`, CAST(NULL AS BIGINT))
          ) OVER (
            PARTITION BY `t5`.`customer_id`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS `last_paid_s`,
          IF(
            (
              `t5`.`amount` IS NOT NULL
            )
            AND NOT (
              COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
            )
            AND COALESCE(`t5`.`kind` IN ('plan_changed', 'price_changed'), FALSE),
            IF(
              LAG(`t5`.`amount`) OVER (
                PARTITION BY `t5`.`customer_id`, (
                  `t5`.`amount` IS NOT NULL
                )
                AND NOT (
                  COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                ), COALESCE(`t5`.`kind` IN ('plan_changed', 'price_changed'), FALSE)
                ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
              ) > 0,
              CAST(`t5`.`amount` AS DOUBLE) / NULLIF(
                CAST(LAG(`t5`.`amount`) OVER (
                  PARTITION BY `t5`.`customer_id`, (
                    `t5`.`amount` IS NOT NULL
                  )
                  AND NOT (
                    COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                  ), COALESCE(`t5`.`kind` IN ('plan_changed', 'price_changed'), FALSE)
                  ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                ) AS DOUBLE),
                0.0
              ),
              IF(
                (
                  LAG(`t5`.`amount`) OVER (
                    PARTITION BY `t5`.`customer_id`, (
                      `t5`.`amount` IS NOT NULL
                    )
                    AND NOT (
                      COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                    ), COALESCE(`t5`.`kind` IN ('plan_changed', 'price_changed'), FALSE)
                    ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                  ) IS NULL
                )
                AND (
                  COALESCE(`t5`.`kind` IN ('plan_changed'), FALSE)
                  OR (
                    (
                      (
                        CAST(`t5`.`amount` AS DOUBLE) / NULLIF(
                          CAST(IF(
                            LAG(`t5`.`amount`) OVER (
                              PARTITION BY `t5`.`customer_id`, (
                                `t5`.`amount` IS NOT NULL
                              )
                              AND NOT (
                                COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                              )
                              ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                            ) > 0,
                            LAG(`t5`.`amount`) OVER (
                              PARTITION BY `t5`.`customer_id`, (
                                `t5`.`amount` IS NOT NULL
                              )
                              AND NOT (
                                COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                              )
                              ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                            ),
                            CAST(NULL AS DECIMAL(18, 4))
                          ) AS DOUBLE),
                          0.0
                        )
                      ) > 0.5
                    )
                    AND (
                      (
                        CAST(`t5`.`amount` AS DOUBLE) / NULLIF(
                          CAST(IF(
                            LAG(`t5`.`amount`) OVER (
                              PARTITION BY `t5`.`customer_id`, (
                                `t5`.`amount` IS NOT NULL
                              )
                              AND NOT (
                                COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                              )
                              ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                            ) > 0,
                            LAG(`t5`.`amount`) OVER (
                              PARTITION BY `t5`.`customer_id`, (
                                `t5`.`amount` IS NOT NULL
                              )
                              AND NOT (
                                COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                              )
                              ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                            ),
                            CAST(NULL AS DECIMAL(18, 4))
                          ) AS DOUBLE),
                          0.0
                        )
                      ) < 2
                    )
                  )
                ),
                CAST(`t5`.`amount` AS DOUBLE) / NULLIF(
                  CAST(IF(
                    LAG(`t5`.`amount`) OVER (
                      PARTITION BY `t5`.`customer_id`, (
                        `t5`.`amount` IS NOT NULL
                      )
                      AND NOT (
                        COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                      )
                      ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                    ) > 0,
                    LAG(`t5`.`amount`) OVER (
                      PARTITION BY `t5`.`customer_id`, (
                        `t5`.`amount` IS NOT NULL
                      )
                      AND NOT (
                        COALESCE(`t5`.`kind` IN ('payment_failed'), FALSE)
                      )
                      ORDER BY `t5`.`age_s` DESC, `t5`.`kind` ASC NULLS LAST, `t5`.`amount` ASC NULLS LAST
                    ),
                    CAST(NULL AS DECIMAL(18, 4))
                  ) AS DOUBLE),
                  0.0
                ),
                CAST(NULL AS DOUBLE)
              )
            ),
            CAST(NULL AS DOUBLE)
          ) AS `step`
        FROM (
          SELECT
            *
          FROM `events` AS `t1`
          WHERE
            COALESCE(
              `t1`.`kind` IN ('payment_failed', 'plan_changed', 'price_changed', 'purchase'),
              FALSE
            )
        ) AS `t5`
      ) AS `t14`
    ) AS `t15`
    GROUP BY
      1
  ) AS `t17`
    ON `t3`.`customer_id` = `t17`.`payment_customer_id`
) AS `t18`
