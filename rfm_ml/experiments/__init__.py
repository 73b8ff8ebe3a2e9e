"""Whether a campaign worked: lift, power, uplift, randomisation, and comparison without a draw."""
