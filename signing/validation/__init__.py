"""Looking at signatures of others: are they intact, do they cover what is shown, who vouches for them?"""
