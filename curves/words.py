"""What the page of curves says, in Chinese; the template has it in English."""

from __future__ import annotations

CHINESE = {
    "Runs": "训练曲线",
    "Curves": "曲线",
    "Where a run has very many steps, a line goes through the means of stretches of them.": "步数很多时，曲线画的是各段的平均值。",
    "loss": "损失",
    "learning rate": "学习率",
    "pairs per second": "每秒文本对",
    "step": "步",
    "run": "训练",
    "state": "状态",
    "steps": "步数",
    "last loss": "最后的损失",
    "best on dev": "开发集最好成绩",
    "at step": "在第几步",
    "data": "数据",
    "base": "基座模型",
    "domain": "领域",
    "finished": "完成",
    "interrupted": "中断",
    "under way": "进行中",
    "All runs": "全部训练",
    "Settings that differ": "不同的参数",
    "All settings are the same, or are not known.": "参数全部相同，或者未知。",
    "setting": "参数",
}
