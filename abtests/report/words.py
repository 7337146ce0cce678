"""What a report says, in Chinese; the templates and tables have it in English."""

from __future__ import annotations

CHINESE = {
    "A/B test": "A/B 测试",
    "Written": "生成于",
    "Verdict": "结论",
    "Warning": "警告",
    "split": "用户分组",
    "interleave": "交错排序",
    "the difference over time": "差异随时间的变化",
    "The line is the difference that each look would have seen, the faint ones are the ends of its always-valid interval; dashed: no difference.": (
        "折线是每次查看时会看到的差异，浅色线是始终有效的置信区间的两端；虚线表示没有差异。"
    ),
    "Users and answers that count": "计入统计的用户与回答",
    "★ decides. All others are secondary: their always-valid p is adjusted for their number (Holm). Intervals are by user.": (
        "★ 为决定性指标，其余为次要指标，其始终有效的 p 已按数量校正（Holm）。置信区间按用户计算。"
    ),
    "Whose items were clicked more": "谁的结果被点击得更多",
    "by segment of queries": "按查询类别",
    "To look for causes, not to decide: among many segments some differ by chance.": "用于寻找原因，不用于决定：类别一多，总有一些会偶然出现差异。",
    "upper end": "上界",
    "lower end": "下界",
    "difference": "差异",
    "days": "天",
    "arm": "组",
    "reference": "版本",
    "users": "用户",
    "answers": "回答",
    "clicks": "点击",
    "purchases": "购买",
    "metric": "指标",
    "difference, one look": "差异（只看一次）",
    "p, one look": "p（只看一次）",
    "difference, always valid": "差异（始终有效）",
    "p, always valid": "p（始终有效）",
    "wins": "胜",
    "losses": "负",
    "ties": "平",
    "its clicks": "本组点击",
    "the first's clicks": "第一组点击",
    "users for": "支持的用户",
    "users against": "反对的用户",
    "p, sign test, one look": "p（符号检验，只看一次）",
    "segment": "类别",
    "frequency": "频率",
    "language": "语言",
    "head": "高频",
    "torso": "中频",
    "tail": "低频",
    "zh": "中文",
    "en": "英文或其他",
    "preference": "偏好",
    "click-through": "点击率",
    "conversion, users": "转化率（用户）",
    "conversion, answers": "转化率（回答）",
    "precision@{k}, clicks": "前 {k} 位准确率（点击）",
    "precision@{k}, purchases": "前 {k} 位准确率（购买）",
    "bought within {k}": "购买商品位于前 {k} 位的比例",
    "MRR of the click": "点击的 MRR",
    "abandoned": "无点击率",
    "searched again": "再次搜索率",
    "time to first click": "首次点击用时",
    "latency, p50": "延迟 p50",
    "latency, p95": "延迟 p95",
    "answers with a click, of all answers": "有点击的回答占全部回答",
    "users with a purchase, of all users": "有购买的用户占全部用户",
    "answers with a purchase, of all answers": "有购买的回答占全部回答",
    "of the first {k} places, the share that was clicked": "前 {k} 位中被点击的比例",
    "of the first {k} places, the share that was bought": "前 {k} 位中被购买的比例",
    "of the items that were bought, the share within the first {k} places": "被购买的商品中位于前 {k} 位的比例",
    "one over the place of the highest item that was clicked, 0 without a click": "最靠前的被点击商品的位次的倒数，无点击为 0",
    "answers without a click, of all answers": "没有点击的回答占全部回答",
    "answers without a click after which the user soon sent another query, of all answers": "没有点击且用户很快换了查询的回答占全部回答",
    "seconds from answer to first click, of answers with a click": "有点击的回答从返回到首次点击的秒数",
    "milliseconds that half of the answers took at most": "一半的回答用时不超过的毫秒数",
    "milliseconds that 95 % of the answers took at most": "95% 的回答用时不超过的毫秒数",
    "{arm} is better than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.": (
        "{arm} 的{label}优于 {first}：自 {since} 起，始终有效的置信区间不含 0。测试可以停止。"
    ),
    "{arm} is worse than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.": (
        "{arm} 的{label}不如 {first}：自 {since} 起，始终有效的置信区间不含 0。测试可以停止。"
    ),
    "{arm} and {first} do not differ in {label} by {effect} or more. The test may stop.": (
        "{arm} 与 {first} 的{label}相差不到 {effect}。测试可以停止。"
    ),
    "{arm} against {first} in {label}: no verdict, since users did not come in the shares of the experiment.": (
        "{arm} 与 {first} 的{label}：不下结论，因为各组用户数与实验的份额不符。"
    ),
    "{arm} against {first} in {label}: not decided.": "{arm} 与 {first} 的{label}：尚无定论。",
    "{arm} against {first} in {label}: too few users to decide (100 in each arm, 30 of both with something to count, none with over a fifth).": (
        "{arm} 与 {first} 的{label}：用户太少，不能下结论（每组至少 100 人，两组共至少 30 人有可计的行为，且没有人占一组的五分之一以上）。"
    ),
    "A difference of {effect} needs about {days} more at this traffic.": "按目前的流量，要发现 {effect} 的差异大约还需 {days}。",
    "Difference {value}, always-valid interval {low} to {high}.": "差异 {value}，始终有效的置信区间 {low} 至 {high}。",
    "The interval of the last look does not say so any more: the decision of that moment stands at its level, but see over time whether the "
    "difference wore off.": "最后一次查看的区间已不再支持这一点：当时的结论在其水平上仍然成立，但请查看差异是否随时间消退。",
    "With the traffic so far, a difference of {effect} is found with the chance that was asked for: a smaller one needs more.": (
        "以目前的流量，已能按要求的概率发现 {effect} 的差异；更小的差异需要更多流量。"
    ),
    "{n} hours": "{n} 小时",
    "{n} days": "{n} 天",
    "users came to the arms as {users}, where the shares give {expected} (p = {p:.2g}, valid at every look): do not trust the result before the "
    "reason is found": "各组用户数为 {users}，按份额应为 {expected}（p = {p:.2g}，始终有效）：在找到原因之前不要相信结果",
    "users seen in two arms without a ramp that moved them: {users}; left out": "{users} 个用户出现在两组中，且并非由份额调整引起：不计入",
    "{users} users with {answers} answers searched or clicked faster or more than a person and are left out (over 100 answers or 100 "
    "events in an hour, or a fifth of an arm's; --keep-bots counts them)": (
        "{users} 个用户（{answers} 次回答）的搜索或点击比真人更快或更多，不计入（一小时内超过 100 次回答或 100 次事件，或超过一组的五分之一；--keep-bots 则计入）"
    ),
    "{users} users with {answers} answers searched or clicked faster or more than a person and are counted, as --keep-bots says": (
        "{users} 个用户（{answers} 次回答）的搜索或点击比真人更快或更多，按 --keep-bots 计入"
    ),
    "answers without a user: {answers}; they are in no arm's figures": "{answers} 次回答没有用户标识：不计入任何一组",
    "answers of no experiment or of another one: {answers}": "{answers} 次回答不属于任何实验或属于其他实验",
    "answers of an arm that the experiment's record does not have: {answers}": "{answers} 次回答的组不在实验记录中",
    "events of an answer that is not in the log: {events} (older files may be deleted)": "{events} 个事件的回答不在日志中（旧文件可能已删除）",
    "events of a place that was not shown: {events}": "{events} 个事件的位置没有展示过",
    "events that were logged twice: {events}; they count once": "{events} 个事件重复记录，只计一次",
    "lines cut off at the end of a file, as a kill leaves them: {lines}": "{lines} 行在文件末尾被截断（进程被终止时会留下）",
    "lines that cannot be read, and are skipped: {lines}": "{lines} 行无法读取，已跳过",
    "lines of a kind that this version does not know: {lines}": "{lines} 行的类型是本版本不认识的",
    "{ramps} ramps changed the shares: arms are compared within each stretch, and the values are means of the stretches": (
        "份额调整过 {ramps} 次：各组在每个阶段内比较，数值为各阶段的平均"
    ),
    "the log begins on {first}, and the experiment on {created}: where older days were deleted (--keep-days), early looks and late ones share no "
    "data, and the chance of a wrong decision is above alpha": (
        "日志始于 {first}，实验始于 {created}：若旧文件已删除（--keep-days），前后几次查看没有共同的数据，出错的概率会高于 alpha"
    ),
    "other experiments in the log: {experiments} (--experiment)": "日志中还有 {experiments} 个其他实验（--experiment）",
    "the test has run for {days} days: before a whole week, weekdays and weekends are not both in it": (
        "测试只进行了 {days} 天：不满一周，工作日与周末没有都包含在内"
    ),
    "{arms} arms are compared with the first, so that each comparison has the level {alpha:.4g}": (
        "有 {arms} 个组与第一组比较，因此每次比较的水平为 {alpha:.4g}"
    ),
    "the plan that is kept beside the log says {planned}, and other values were given: a test that is tuned after a look is not valid": (
        "日志旁保存的计划为 {planned}，而这里给了别的值：查看之后再调整的检验无效"
    ),
    "no smallest difference was planned or said (--effect), so a default tunes the test: keep a plan before the first look "
    "(adapt ab plan --keep)": "没有在计划中或用 --effect 给出最小差异，检验按默认值调整：请在第一次查看之前保存计划（adapt ab plan --keep）",
    "p and its interval are valid at one look that was fixed beforehand; the always-valid ones at every look": (
        "“只看一次”的 p 和区间只对事先定好的一次查看有效；始终有效的 p 和区间对每次查看都有效"
    ),
}
