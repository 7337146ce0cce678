"""What the page of a sweep says, in Chinese; the template has it in English."""

from __future__ import annotations

CHINESE = {
    "Sweep": "参数搜索",
    "Trials over time": "各次试验",
    "Each dot is a trial, the line is the best score so far; dashed: the base.": "每个点是一次试验，折线是到目前为止的最好成绩；虚线：基座模型。",
    "complete": "完成",
    "pruned": "提前停止",
    "failed": "失败",
    "running": "进行中",
    "best so far": "目前最好",
    "trial": "试验",
    "What mattered": "各参数的重要性",
    "The share of the differences between scores that a setting explains (PED-ANOVA). With few trials it says little.": (
        "各参数能解释的成绩差异所占的份额（PED-ANOVA）。试验次数少时参考价值有限。"
    ),
    "Settings": "参数与成绩",
    "Complete trials, and those that were stopped (quiet), by each setting that varied.": "按每个变化的参数列出完成的试验和提前停止的试验（灰色）。",
    "Scores during training": "训练过程中的成绩",
    "share of the steps": "训练进度",
    "All trials": "全部试验",
    "The best": "最好的一次",
    "Settings that make it again: save them as a file, and give it to adapt train --config.": (
        "重现它的参数：存成文件，用 adapt train --config 读取。"
    ),
    "state": "状态",
    "seconds": "秒",
    "why": "原因",
    "base": "基座模型",
    "trials": "次试验",
    "How this was made": "生成方式",
    "Software": "软件版本",
    "stopped, since this holds:": "已停止，因为满足：",
}
